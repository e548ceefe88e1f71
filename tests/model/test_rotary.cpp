// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tandem/model/portable.h"
#include "tandem/model/rotary.h"
#include "tests/model/operation_check.h"

namespace tandem::model {
namespace {

using namespace testing;

// The definition, element by element.
at::Tensor reference(const at::Tensor& x_BTHE, double base, int64_t first_position) {
  const int64_t half = x_BTHE.size(3) / 2;
  std::vector<at::Tensor> columns(static_cast<size_t>(2 * half));
  for (int64_t j = 0; j < half; ++j) {
    const double frequency = std::pow(base, -2.0 * static_cast<double>(j) / static_cast<double>(2 * half));
    const at::Tensor angle =
        ((at::arange(x_BTHE.size(1), at::kDouble) + first_position) * frequency).view({1, -1, 1});
    const at::Tensor a = x_BTHE.select(3, j), b = x_BTHE.select(3, j + half);
    columns[static_cast<size_t>(j)] = a * angle.cos() - b * angle.sin();
    columns[static_cast<size_t>(j + half)] = b * angle.cos() + a * angle.sin();
  }
  return at::stack(columns, 3);
}

class Rotate : public ::testing::TestWithParam<at::ScalarType> {};
INSTANTIATE_TEST_SUITE_P(Types, Rotate, ::testing::ValuesIn(kTypes));

TEST_P(Rotate, EqualsTheDefinition) {
  for (const int64_t first : {0, 700})
    expect_same([&](const Inputs& in) { return rotate(in[0], 10000, first); },
                [&](const Inputs& in) { return reference(in[0], 10000, first); },
                {normal({2, 5, 3, 14}, GetParam(), 1)}, GetParam(), tolerance(GetParam()));
}

TEST_P(Rotate, TakesASliceOfFusedProjections) {
  expect_same([&](const Inputs& in) { return rotate(in[0].select(2, 1), 10000); },
              [&](const Inputs& in) { return reference(in[0].select(2, 1), 10000, 0); },
              {normal({2, 5, 3, 2, 64}, GetParam(), 1)}, GetParam(), tolerance(GetParam()));
}

TEST_P(Rotate, EqualsThePortableForm) {
  const at::Tensor x = normal({2, 9, 3, 64}, GetParam(), 1);
  const auto actual = results([](const Inputs& in) { return rotate(in[0], 500, 3); }, {x}, 5);
  const at::Tensor gradient = normal(x.sizes(), GetParam(), 5);
  EXPECT_LT(difference(actual[0], portable::rotate(x, 500, 3, portable::Turn::kForward)),
            tolerance(GetParam()));
  EXPECT_LT(difference(actual[1], portable::rotate(gradient, 500, 3, portable::Turn::kBack)),
            tolerance(GetParam()));
}

TEST(RotatePositions, ContinueWhereACacheEnded) {
  const at::Tensor x = normal({1, 8, 2, 6}, at::kDouble, 1);
  const at::Tensor whole = rotate(x, 10000), tail = rotate(x.narrow(1, 5, 3), 10000, 5);
  EXPECT_TRUE(tail.equal(whole.narrow(1, 5, 3)));
  EXPECT_TRUE(whole.select(1, 0).equal(x.select(1, 0)));
}

TEST(RotatePositions, DoNotMixUpTablesOfDifferentCalls) {
  const at::Tensor x = normal({1, 4, 1, 8}, at::kDouble, 1);
  const at::Tensor once = rotate(x, 10000);
  rotate(x, 500);
  rotate(x, 10000, 2);
  rotate(x.narrow(3, 0, 4), 10000);
  rotate(x.to(at::kFloat), 10000);
  EXPECT_TRUE(rotate(x, 10000).equal(once));
  EXPECT_LT(difference(rotate(x, 500), reference(x, 500, 0)), 1e-12);
}

TEST(RotatePositions, TakeEmptyInput) {
  const auto all = results([](const Inputs& in) { return rotate(in[0], 10000); }, {at::empty({2, 0, 3, 4})});
  EXPECT_EQ(all[0].sizes(), at::IntArrayRef({2, 0, 3, 4}));
}

}  // namespace
}  // namespace tandem::model
