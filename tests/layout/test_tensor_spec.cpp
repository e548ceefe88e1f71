// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tandem/layout/tensor_spec.h"

namespace tandem::layout {
namespace {

TEST(TensorSpec, SplitsADimThatDivides) {
  const TensorSpec spec{.name = "w", .shape = {3, 8, 5}, .tensor_dim = 1};
  EXPECT_EQ(local_shape(spec, 4), (Shape{3, 2, 5}));
  EXPECT_EQ(local_slice(spec, 3, 4), (Slice{.offset = {0, 6, 0}, .extent = {3, 2, 5}}));
}

TEST(TensorSpec, PadsADimThatDoesNotDivide) {
  const TensorSpec spec{.name = "table", .shape = {9, 5}, .tensor_dim = 0};
  EXPECT_EQ(local_shape(spec, 4), (Shape{3, 5}));
  EXPECT_EQ(local_slice(spec, 2, 4), (Slice{.offset = {6, 0}, .extent = {3, 5}}));
  EXPECT_EQ(local_slice(spec, 3, 4), (Slice{.offset = {9, 0}, .extent = {0, 5}}));
}

TEST(TensorSpec, EveryElementIsHeldOnceAndNoPaddingIsPlaced) {
  for (const int ranks : {1, 2, 3, 4, 5}) {
    const TensorSpec spec{.name = "table", .shape = {9, 5}, .tensor_dim = 0};
    std::vector<int> seen(45);
    for (int rank = 0; rank < ranks; ++rank) {
      const int64_t local = num_elements(local_shape(spec, ranks));
      for (int64_t begin = 0; begin < local; begin += 7)
        for (const PlacedBox& box :
             placed_boxes(spec, rank, ranks, begin, std::min<int64_t>(7, local - begin))) {
          EXPECT_GE(box.local_offset, begin);
          for (int64_t row = 0; row < box.global.extent[0]; ++row)
            for (int64_t column = 0; column < box.global.extent[1]; ++column)
              ++seen.at((box.global.offset[0] + row) * 5 + box.global.offset[1] + column);
        }
    }
    EXPECT_EQ(seen, std::vector<int>(45, 1)) << ranks;
  }
}

TEST(TensorSpec, ReplicatedTensorIsWholeOnEachRank) {
  const TensorSpec spec{.name = "norm", .shape = {5}};
  EXPECT_EQ(local_slice(spec, 1, 4), whole({5}));
}

}  // namespace
}  // namespace tandem::layout
