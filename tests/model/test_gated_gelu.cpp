// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/gated_gelu.h"
#include "tandem/model/portable.h"
#include "tests/model/operation_check.h"

namespace tandem::model {
namespace {

using namespace testing;

at::Tensor reference(const at::Tensor& gate_up) {
  const auto halves = gate_up.chunk(2, -1);
  return at::gelu(halves[0], "tanh") * halves[1];
}

const std::vector<std::vector<int64_t>> kShapes{{2, 3, 74}, {65, 2048}, {1, 2}, {0, 6}};

class GatedGelu : public ::testing::TestWithParam<at::ScalarType> {};
INSTANTIATE_TEST_SUITE_P(Types, GatedGelu, ::testing::ValuesIn(kTypes));

TEST_P(GatedGelu, EqualsGeluTimesUp) {
  for (const auto& sizes : kShapes) {
    SCOPED_TRACE(::testing::PrintToString(sizes));
    expect_same([](const Inputs& in) { return gated_gelu(in[0]); },
                [](const Inputs& in) { return reference(in[0]); }, {normal(sizes, GetParam(), 1) * 2},
                GetParam(), tolerance(GetParam()));
  }
}

TEST_P(GatedGelu, EqualsThePortableForm) {
  for (const auto& sizes : kShapes) {
    SCOPED_TRACE(::testing::PrintToString(sizes));
    const at::Tensor x = normal(sizes, GetParam(), 1);
    const auto actual = results([](const Inputs& in) { return gated_gelu(in[0]); }, {x}, 5);
    const at::Tensor of_x = portable::gated_gelu_backward(normal(actual[0].sizes(), GetParam(), 5), x);
    EXPECT_LT(difference(actual[0], portable::gated_gelu(x)), tolerance(GetParam()));
    EXPECT_LT(difference(actual[1], of_x), tolerance(GetParam()));
  }
}

TEST(GatedGeluInput, MayBeStrided) {
  expect_same([](const Inputs& in) { return gated_gelu(in[0].transpose(0, 1)); },
              [](const Inputs& in) { return reference(in[0].transpose(0, 1)); },
              {normal({8, 5}, at::kDouble, 1)}, at::kDouble, 1e-12);
}

TEST(GatedGeluInput, FarFromZeroGivesTheLimitsExactly) {
  const at::Tensor x = at::tensor({-1e4F, -60.F, 60.F, 1e4F, 1.F, 1.F, 1.F, 1.F}).view({1, 8});
  const auto all = results([](const Inputs& in) { return gated_gelu(in[0]); }, {x});
  EXPECT_TRUE(all[0].equal(at::tensor({0.F, 0.F, 60.F, 1e4F}).view({1, 4})));
  EXPECT_TRUE(all[1].isfinite().all().item<bool>());
}

}  // namespace
}  // namespace tandem::model
