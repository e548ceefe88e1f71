// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tandem/model/portable.h"
#include "tandem/model/rotary.h"
#include "tests/model/operation_check.h"

namespace tandem::model {
namespace {

using namespace testing;

// The definition, element by element.
at::Tensor reference(const at::Tensor& x_BTHE, double base, const at::Tensor& positions) {
  const int64_t half = x_BTHE.size(3) / 2;
  std::vector<at::Tensor> columns(static_cast<size_t>(2 * half));
  for (int64_t j = 0; j < half; ++j) {
    const double frequency = std::pow(base, -2.0 * static_cast<double>(j) / static_cast<double>(2 * half));
    const at::Tensor angle = (positions.to(at::kDouble) * frequency).view({1, -1, 1});
    const at::Tensor a = x_BTHE.select(3, j), b = x_BTHE.select(3, j + half);
    columns[static_cast<size_t>(j)] = a * angle.cos() - b * angle.sin();
    columns[static_cast<size_t>(j + half)] = b * angle.cos() + a * angle.sin();
  }
  return at::stack(columns, 3);
}

// Of five rows, as a tree's: some share a position, and they do not ascend.
at::Tensor scattered() { return at::tensor({0, 3, 3, 700, 2}, at::kLong); }

class Rotate : public ::testing::TestWithParam<at::ScalarType> {};
INSTANTIATE_TEST_SUITE_P(Types, Rotate, ::testing::ValuesIn(kTypes));

TEST_P(Rotate, EqualsTheDefinition) {
  for (const at::Tensor& positions : {at::arange(5), at::arange(700, 705), scattered()})
    expect_same([&](const Inputs& in) { return rotate(in[0], 10000, positions); },
                [&](const Inputs& in) { return reference(in[0], 10000, positions); },
                {normal({2, 5, 3, 14}, GetParam(), 1)}, GetParam(), tolerance(GetParam()));
}

TEST_P(Rotate, TakesASliceOfFusedProjections) {
  expect_same([&](const Inputs& in) { return rotate(in[0].select(2, 1), 10000, scattered()); },
              [&](const Inputs& in) { return reference(in[0].select(2, 1), 10000, scattered()); },
              {normal({2, 5, 3, 2, 64}, GetParam(), 1)}, GetParam(), tolerance(GetParam()));
}

TEST_P(Rotate, EqualsThePortableForm) {
  const at::Tensor x = normal({2, 5, 3, 64}, GetParam(), 1);
  const auto actual = results([](const Inputs& in) { return rotate(in[0], 500, scattered()); }, {x}, 5);
  const at::Tensor gradient = normal(x.sizes(), GetParam(), 5);
  EXPECT_LT(difference(actual[0], portable::rotate(x, 500, scattered(), portable::Turn::kForward)),
            tolerance(GetParam()));
  EXPECT_LT(difference(actual[1], portable::rotate(gradient, 500, scattered(), portable::Turn::kBack)),
            tolerance(GetParam()));
}

TEST(RotatePositions, MayBeOfEachRow) {
  const at::Tensor fused = normal({2, 5, 3, 2, 6}, at::kDouble, 1);
  const at::Tensor positions = at::stack({scattered(), at::arange(5)});
  const at::Tensor together = rotate(fused.select(2, 1), 10000, positions);
  for (int64_t row = 0; row < 2; ++row)
    EXPECT_TRUE(together[row].equal(rotate(fused.select(2, 1).narrow(0, row, 1), 10000, positions[row])[0]));
  EXPECT_THROW(rotate(fused.select(2, 1), 10000, positions.narrow(0, 0, 1).contiguous()), BugError);
}

TEST(RotatePositions, ContinueWhereACacheEnded) {
  const at::Tensor x = normal({1, 8, 2, 6}, at::kDouble, 1);
  const at::Tensor whole = rotate(x, 10000, at::arange(8)),
                   tail = rotate(x.narrow(1, 5, 3), 10000, at::arange(5, 8));
  EXPECT_TRUE(tail.equal(whole.narrow(1, 5, 3)));
  EXPECT_TRUE(whole.select(1, 0).equal(x.select(1, 0)));
}

TEST(RotatePositions, DoNotMixUpTablesOfDifferentCalls) {
  const at::Tensor x = normal({1, 4, 1, 8}, at::kDouble, 1);
  const at::Tensor first = at::arange(4), once = rotate(x, 10000, first);
  rotate(x, 500, first);
  rotate(x, 10000, first + 2);
  rotate(x.narrow(3, 0, 4), 10000, first);
  rotate(x.to(at::kFloat), 10000, first);
  EXPECT_TRUE(rotate(x, 10000, first).equal(once));
  EXPECT_LT(difference(rotate(x, 500, first), reference(x, 500, first)), 1e-12);
}

TEST(RotatePositions, TakeEmptyInput) {
  const auto all = results([](const Inputs& in) { return rotate(in[0], 10000, at::arange(0)); },
                           {at::empty({2, 0, 3, 4})});
  EXPECT_EQ(all[0].sizes(), at::IntArrayRef({2, 0, 3, 4}));
}

TEST(RotatePositions, NegativeOrTooFewAreABug) {
  const at::Tensor x = normal({1, 4, 1, 8}, at::kDouble, 1);
  EXPECT_THROW(rotate(x, 10000, at::arange(-1, 3)), BugError);
  EXPECT_THROW(rotate(x, 10000, at::arange(3)), BugError);
}

}  // namespace
}  // namespace tandem::model
