// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <vector>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "tandem/model/parameter.h"

namespace tandem::model::testing {

inline at::Tensor normal(at::IntArrayRef sizes, at::ScalarType type, uint64_t seed) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  return at::randn(sizes, generator, at::kDouble).to(type);
}

inline at::Tensor leaf(const at::Tensor& x) { return x.detach().clone().requires_grad_(true); }

/// Returns the largest difference over the largest absolute value of `expected` (0 for two empty tensors).
inline double difference(const at::Tensor& actual, const at::Tensor& expected) {
  EXPECT_TRUE(actual.defined() && expected.defined());
  if (!actual.defined() || !expected.defined()) return INFINITY;
  EXPECT_EQ(actual.sizes(), expected.sizes());
  if (expected.numel() == 0) return 0;
  EXPECT_TRUE(actual.isfinite().all().item<bool>());
  const double largest = expected.abs().max().to(at::kDouble).item<double>();
  const double apart = (actual.to(at::kDouble) - expected.to(at::kDouble)).abs().max().item<double>();
  return apart / (largest > 0 ? largest : 1);
}

/// Returns a parameter of the given value with a zero gradient in the accumulation type.
inline Parameter parameter(const at::Tensor& value) {
  Parameter made;
  made.value = leaf(value);
  made.gradient = at::zeros_like(value, value.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
  return made;
}

using Inputs = std::vector<at::Tensor>;
using Operation = std::function<at::Tensor(const Inputs&)>;

/// What an operation gives: its output, then the gradient of sum(output * weights) by each input.
inline std::vector<at::Tensor> results(const Operation& operation, const Inputs& values, uint64_t seed = 99) {
  Inputs leaves, seen;
  for (const at::Tensor& value : values) leaves.push_back(leaf(value));
  const at::Tensor output = operation(leaves);
  torch::autograd::backward({output}, {normal(output.sizes(), output.scalar_type(), seed)});
  std::vector<at::Tensor> all{output.detach()};
  for (const at::Tensor& each : leaves) all.push_back(each.grad());
  return all;
}

/// Expects both operations to give the same output and gradients; `actual` is run in `type`, `expected` in
/// fp64.
inline void expect_same(const Operation& actual, const Operation& expected, const Inputs& values,
                        at::ScalarType type, double tolerance) {
  Inputs cast, wide;
  for (const at::Tensor& value : values) {
    cast.push_back(value.to(type));
    wide.push_back(cast.back().to(at::kDouble));
  }
  const auto left = results(actual, cast), right = results(expected, wide);
  EXPECT_EQ(left[0].scalar_type(), type);
  for (size_t i = 0; i < left.size(); ++i)
    EXPECT_LT(difference(left[i], right[i]), tolerance) << (i == 0 ? "output" : "gradient of input ") << i;
}

/// Returns the tolerance of `difference` for a type: rounding of a few operations.
inline double tolerance(at::ScalarType type) {
  return type == at::kDouble ? 1e-12 : type == at::kFloat ? 5e-6 : 2e-2;
}

constexpr at::ScalarType kTypes[] = {at::kDouble, at::kFloat, at::kBFloat16};

}  // namespace tandem::model::testing
