// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <ATen/core/Tensor.h>

#include "tandem/model/layer_context.h"
#include "tandem/model/parameter.h"

// Shapes: B rows, T queries, S keys, D hidden, H heads of this tensor rank, E head_dim.

namespace tandem::model {

/// Pre-norm self-attention with residual: [B, T, D] -> [B, T, D]. Heads are split over the tensor group,
/// whose ranks all call; one all-reduce of B T D elements in forward and one in backward.
class SelfAttention {
 public:
  /// Takes the parameters named `name`.*; they must outlive this.
  SelfAttention(Parameters& parameters, std::string name);

  /// Runs on all positions; or, given a cache, on new positions that also see those in it, which it extends.
  at::Tensor operator()(const at::Tensor& x_BTD, const LayerContext& context,
                        KeyValueCache* cache = nullptr) const;

 private:
  std::string name_;
  Parameter& norm_;
  Parameter& query_key_value_;
  Parameter& output_;
};

/// Pre-norm attention from the decoder to the encoder's output, with residual: [B, T, D], [B, S, D] -> [B, T,
/// D]. Split and communication as SelfAttention's; the memory's gradient is all-reduced too (B S D elements).
class CrossAttention {
 public:
  CrossAttention(Parameters& parameters, std::string name);

  at::Tensor operator()(const at::Tensor& x_BTD, const at::Tensor& memory_BSD,
                        const LayerContext& context) const;

  /// Projects the memory once: keys and values for all later steps of a generation.
  KeyValueCache project(const at::Tensor& memory_BSD, const LayerContext& context) const;
  at::Tensor operator()(const at::Tensor& x_BTD, const KeyValueCache& projected,
                        const LayerContext& context) const;

 private:
  std::string name_;
  Parameter& norm_;
  Parameter& query_;
  Parameter& key_value_;
  Parameter& output_;
};

}  // namespace tandem::model
