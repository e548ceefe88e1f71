// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/norm.h"
#include "tandem/model/portable.h"
#include "tests/model/operation_check.h"

namespace tandem::model {
namespace {

using namespace testing;

constexpr double kEpsilon = 1e-6;

at::Tensor reference(const at::Tensor& x, const at::Tensor& scale) {
  return x * (x.square().mean(-1, true) + kEpsilon).rsqrt() * scale;
}

const std::vector<std::vector<int64_t>> kShapes{{2, 3, 37}, {130, 64}, {3, 2}, {1, 512}, {0, 4, 8}};

class RmsNorm : public ::testing::TestWithParam<at::ScalarType> {};
INSTANTIATE_TEST_SUITE_P(Types, RmsNorm, ::testing::ValuesIn(kTypes));

TEST_P(RmsNorm, EqualsTheFormulaAndAddsTheScalesGradient) {
  for (const auto& sizes : kShapes) {
    SCOPED_TRACE(::testing::PrintToString(sizes));
    const at::Tensor value = normal({sizes.back()}, GetParam(), 1), x = normal(sizes, GetParam(), 2);
    Parameter scale = parameter(value);
    scale.gradient.fill_(1);
    expect_same([&](const Inputs& in) { return rms_norm(in[0], scale, kEpsilon); },
                [&](const Inputs& in) { return reference(in[0], value.to(at::kDouble)); }, {x}, GetParam(),
                tolerance(GetParam()));
    const auto expected = results([&](const Inputs& in) { return reference(x.to(at::kDouble), in[0]); },
                                  {value.to(at::kDouble)});
    EXPECT_LT(difference(scale.gradient - 1, expected[1]), tolerance(GetParam()));
  }
}

TEST_P(RmsNorm, EqualsThePortableForm) {
  for (const auto& sizes : kShapes) {
    SCOPED_TRACE(::testing::PrintToString(sizes));
    const at::Tensor value = normal({sizes.back()}, GetParam(), 1), x = normal(sizes, GetParam(), 2);
    Parameter scale = parameter(value);
    const auto actual = results([&](const Inputs& in) { return rms_norm(in[0], scale, kEpsilon); }, {x}, 5);
    const auto of = portable::rms_norm_backward(normal(sizes, GetParam(), 5), x, value, kEpsilon);
    EXPECT_LT(difference(actual[0], portable::rms_norm(x, value, kEpsilon)), tolerance(GetParam()));
    EXPECT_LT(difference(actual[1], of.x), tolerance(GetParam()));
    EXPECT_LT(difference(scale.gradient, of.scale_D), tolerance(GetParam()));
  }
}

TEST(RmsNormInput, MayBeStrided) {
  const at::Tensor value = normal({6}, at::kDouble, 1);
  Parameter scale = parameter(value);
  expect_same([&](const Inputs& in) { return rms_norm(in[0].transpose(0, 1), scale, kEpsilon); },
              [&](const Inputs& in) { return reference(in[0].transpose(0, 1), value); },
              {normal({6, 4}, at::kDouble, 2)}, at::kDouble, 1e-12);
}

TEST(RmsNormInput, OfZerosStaysZeroAndFinite) {
  Parameter scale = parameter(at::ones({8}));
  const auto all =
      results([&](const Inputs& in) { return rms_norm(in[0], scale, kEpsilon); }, {at::zeros({2, 8})});
  EXPECT_TRUE(all[0].equal(at::zeros({2, 8})));
  EXPECT_TRUE(all[1].isfinite().all().item<bool>());
}

}  // namespace
}  // namespace tandem::model
