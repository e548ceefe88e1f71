// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/dropout.h"
#include "tandem/model/portable.h"
#include "tests/model/operation_check.h"

namespace tandem::model {
namespace {

using namespace testing;

DropoutPlace place(double probability, std::vector<int64_t> rows, int64_t full_width) {
  return {.probability = probability,
          .random = CounterRandom(7, "dropout", 3),
          .rows = at::tensor(rows, at::kLong),
          .full_width = full_width};
}

// The definition, element by element.
at::Tensor kept(const DropoutPlace& at_place, int64_t length, int64_t width) {
  at::Tensor kept = at::empty({at_place.rows.numel(), length, width}, at::kDouble);
  auto out = kept.accessor<double, 3>();
  for (int64_t b = 0; b < kept.size(0); ++b)
    for (int64_t t = 0; t < length; ++t)
      for (int64_t c = 0; c < width; ++c) {
        const int64_t i = t * at_place.full_width + at_place.column_offset + c;
        const auto words =
            at_place.random.split(at_place.rows[b].item<int64_t>()).words(static_cast<uint64_t>(i / 4));
        out[b][t][c] = words[static_cast<size_t>(i % 4)] < at_place.probability * 0x1p32 ? 0 : 1;
      }
  return kept;
}

class Dropout : public ::testing::TestWithParam<at::ScalarType> {};
INSTANTIATE_TEST_SUITE_P(Types, Dropout, ::testing::ValuesIn(kTypes));

TEST_P(Dropout, DropsByTheDefinitionForwardAndBackward) {
  DropoutPlace here = place(0.3, {5, 2}, 43);
  for (const int64_t offset : {0, 3, 6}) {
    here.column_offset = offset;
    const at::Tensor mask = kept(here, 5, 37);
    expect_same([&](const Inputs& in) { return dropout(in[0], here); },
                [&](const Inputs& in) { return in[0] * mask / 0.7; }, {normal({2, 5, 37}, GetParam(), 1)},
                GetParam(), tolerance(GetParam()));
  }
}

TEST_P(Dropout, AddsToTheResidual) {
  const DropoutPlace here = place(0.3, {5, 2}, 40);
  const at::Tensor mask = kept(here, 3, 40);
  expect_same([&](const Inputs& in) { return add_dropped(in[0], in[1], here); },
              [&](const Inputs& in) { return in[0] + in[1] * mask / 0.7; },
              {normal({2, 3, 40}, GetParam(), 1), normal({2, 3, 40}, GetParam(), 2)}, GetParam(),
              tolerance(GetParam()));
}

TEST_P(Dropout, TakesStridedInput) {
  const DropoutPlace here = place(0.4, {5, 2}, 6);
  const at::Tensor mask = kept(here, 3, 6);
  expect_same(
      [&](const Inputs& in) {
        return add_dropped(in[0].permute({2, 1, 0}), in[1].permute({2, 1, 0}), here);
      },
      [&](const Inputs& in) {
        return in[0].permute({2, 1, 0}) + in[1].permute({2, 1, 0}) * mask / 0.6;
      },
      {normal({6, 3, 2}, GetParam(), 1), normal({6, 3, 2}, GetParam(), 2)}, GetParam(),
      tolerance(GetParam()));
}

TEST(DropoutMask, DoesNotDependOnTheColumnSplit) {
  const DropoutPlace whole = place(0.5, {0, 1, 9}, 26);
  const at::Tensor x = at::ones({3, 7, 26});
  DropoutPlace left = whole, right = whole;
  right.column_offset = 13;
  const at::Tensor halves =
      at::cat({dropout(x.narrow(2, 0, 13), left), dropout(x.narrow(2, 13, 13), right)}, 2);
  EXPECT_TRUE(halves.equal(dropout(x, whole)));
}

TEST(DropoutMask, FollowsTheSampleNotItsPlaceInTheBatch) {
  const at::Tensor x = at::ones({3, 4, 16});
  const at::Tensor batch = dropout(x, place(0.5, {4, 8, 6}, 16));
  const at::Tensor other = dropout(x, place(0.5, {6, 4, 8}, 16));
  EXPECT_TRUE(batch.select(0, 0).equal(other.select(0, 1)));
  EXPECT_TRUE(batch.select(0, 1).equal(other.select(0, 2)));
  EXPECT_TRUE(batch.select(0, 2).equal(other.select(0, 0)));
  EXPECT_FALSE(batch.select(0, 0).equal(batch.select(0, 1)));
}

TEST(DropoutMask, DropsAtTheAskedRate) {
  for (const double probability : {0.01, 0.1, 0.5, 0.9}) {
    const at::Tensor y = dropout(at::ones({4, 100, 250}), place(probability, {0, 1, 2, 3}, 250));
    const double dropped = (y == 0).to(at::kDouble).mean().item<double>();
    EXPECT_NEAR(dropped, probability, 5 * std::sqrt(probability * (1 - probability) / 1e5));
  }
}

TEST(DropoutMask, EqualsThePortableForm) {
  DropoutPlace here = place(0.3, {5, 2}, 301);
  here.column_offset = 5;
  const at::Tensor x = normal({2, 5, 203}, at::kFloat, 1), residual = normal({2, 5, 203}, at::kFloat, 2);
  const at::Tensor expected = portable::drop(x, portable::kept(here, 5, 203), 0.3);
  EXPECT_TRUE(dropout(x, here).equal(expected));
  EXPECT_LT(difference(add_dropped(residual, x, here), residual + expected), 1e-6);
}

TEST(DropoutMask, OfProbabilityZeroIsTheIdentity) {
  const at::Tensor x = normal({2, 3, 4}, at::kFloat, 1);
  EXPECT_TRUE(dropout(x, DropoutPlace{}).equal(x));
  EXPECT_TRUE(add_dropped(x, x, DropoutPlace{}).equal(x + x));
}

TEST(DropoutMask, TakesEmptyInput) {
  EXPECT_EQ(dropout(at::ones({2, 0, 4}), place(0.3, {0, 1}, 4)).numel(), 0);
  EXPECT_EQ(dropout(at::ones({0, 5, 4}), place(0.3, {}, 4)).numel(), 0);
}

}  // namespace
}  // namespace tandem::model
