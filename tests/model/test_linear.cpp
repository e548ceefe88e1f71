// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/linear.h"
#include "tests/model/operation_check.h"

namespace tandem::model {
namespace {

using namespace testing;

class Linear : public ::testing::TestWithParam<at::ScalarType> {};
INSTANTIATE_TEST_SUITE_P(Types, Linear, ::testing::ValuesIn(kTypes));

TEST_P(Linear, EqualsMatmulAndAddsTheWeightsGradient) {
  const at::Tensor value = normal({6, 5}, GetParam(), 1), x = normal({2, 3, 5}, GetParam(), 2);
  Parameter weight = parameter(value);
  weight.gradient.fill_(1);
  expect_same([&](const Inputs& in) { return linear(in[0], weight); },
              [&](const Inputs& in) { return at::matmul(in[0], value.to(at::kDouble).t()); }, {x}, GetParam(),
              tolerance(GetParam()));
  const auto expected = results([&](const Inputs& in) { return at::matmul(x.to(at::kDouble), in[0].t()); },
                                {value.to(at::kDouble)});
  EXPECT_LT(difference(weight.gradient - 1, expected[1]), tolerance(GetParam()));
  EXPECT_FALSE(weight.value.grad().defined());
}

TEST_P(Linear, EqualsMatmulAlsoWhereProductsAreLarge) {
  const at::Tensor value = normal({160, 200}, GetParam(), 1), x = normal({1, 150, 200}, GetParam(), 2);
  Parameter weight = parameter(value);
  weight.gradient.fill_(10);
  expect_same([&](const Inputs& in) { return linear(in[0], weight); },
              [&](const Inputs& in) { return at::matmul(in[0], value.to(at::kDouble).t()); }, {x}, GetParam(),
              tolerance(GetParam()));
  const auto expected = results([&](const Inputs& in) { return at::matmul(x.to(at::kDouble), in[0].t()); },
                                {value.to(at::kDouble)});
  EXPECT_LT(difference(weight.gradient - 10, expected[1]), tolerance(GetParam()));
}

TEST_P(Linear, TakesStridedInput) {
  const at::Tensor value = normal({6, 5}, GetParam(), 1), x = normal({5, 3, 2}, GetParam(), 2);
  Parameter weight = parameter(value);
  expect_same(
      [&](const Inputs& in) {
        return linear(in[0].permute({2, 1, 0}), weight);
      },
      [&](const Inputs& in) {
        return at::matmul(in[0].permute({2, 1, 0}), value.to(at::kDouble).t());
      },
      {x}, GetParam(), tolerance(GetParam()));
}

TEST(LinearUse, SettlesWhenTheLastUseIsOver) {
  Parameter weight = parameter(normal({4, 3}, at::kFloat, 1));
  int settled = 0;
  weight.on_settled = [&] { ++settled; };
  const at::Tensor x = leaf(normal({2, 3}, at::kFloat, 2));
  const at::Tensor first = linear(x, weight), second = linear(x, weight);
  first.sum().backward();
  EXPECT_EQ(settled, 0);
  second.sum().backward();
  EXPECT_EQ(settled, 1);
}

TEST(LinearUse, IsNotCountedWithoutGradMode) {
  Parameter weight = parameter(normal({4, 3}, at::kFloat, 1));
  int settled = 0;
  weight.on_settled = [&] { ++settled; };
  {
    const at::NoGradGuard no_grad;
    EXPECT_FALSE(linear(normal({2, 3}, at::kFloat, 2), weight).requires_grad());
  }
  linear(normal({2, 3}, at::kFloat, 3), weight).sum().backward();
  EXPECT_EQ(settled, 1);
}

TEST(LinearUse, ReachesTheWeightWhenTheInputNeedsNoGradient) {
  Parameter weight = parameter(normal({4, 3}, at::kDouble, 1));
  const at::Tensor x = normal({2, 3}, at::kDouble, 2);
  linear(x, weight).sum().backward();
  EXPECT_LT(difference(weight.gradient, x.sum(0).expand({4, 3})), 1e-12);
}

TEST(LinearUse, FusedProductsAreRowsOfOneMatrix) {
  const at::Tensor value = normal({3, 4, 5}, at::kDouble, 1), x = normal({2, 7, 5}, at::kDouble, 2);
  Parameter fused = parameter(value), flat = parameter(value.view({12, 5}));
  const at::Tensor of_fused = linear(x, fused), of_flat = linear(x, flat);
  EXPECT_TRUE(of_fused.equal(of_flat));
  of_fused.sum().backward();
  of_flat.sum().backward();
  EXPECT_EQ(fused.gradient.sizes(), at::IntArrayRef({3, 4, 5}));
  EXPECT_TRUE(fused.gradient.view({12, 5}).equal(flat.gradient));
}

TEST(LinearUse, TakesEmptyInput) {
  Parameter weight = parameter(normal({4, 3}, at::kFloat, 1));
  const at::Tensor x = leaf(at::empty({0, 2, 3}));
  const at::Tensor y = linear(x, weight);
  EXPECT_EQ(y.sizes(), at::IntArrayRef({0, 2, 4}));
  y.sum().backward();
  EXPECT_EQ(x.grad().sizes(), x.sizes());
  EXPECT_TRUE(weight.gradient.equal(at::zeros({4, 3})));
}

}  // namespace
}  // namespace tandem::model
