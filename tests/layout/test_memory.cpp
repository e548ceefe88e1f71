// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tandem/layout/memory.h"

namespace tandem::layout {
namespace {

// 7 rows over two tensor ranks are 4 each; "b" is on both stages, "c" on the second alone.
const std::vector<TensorSpec> kSpecs{{.name = "a", .shape = {7, 10}, .tensor_dim = 0},
                                     {.name = "b", .shape = {6}, .stages = {0, 1}},
                                     {.name = "c", .shape = {100}, .stages = {1}}};

TEST(Memory, CountsWhatTheStageAndTheTensorRankHold) {
  const MemoryBytes first = rank_bytes(kSpecs, {.tensor_ranks = 2});
  EXPECT_EQ(first.values, 46 * 4);
  EXPECT_EQ(first.gradients, 46 * 4);
  EXPECT_EQ(first.optimizer, 46 * 8);
  EXPECT_EQ(first.sum(), 46 * 16);
  EXPECT_EQ(rank_bytes(kSpecs, {.stage = 1}).values, 106 * 4);
}

TEST(Memory, CoarserValuesNeedMasterWeights) {
  const MemoryBytes bytes = rank_bytes(kSpecs, {.stage = 1, .compute_bytes = 2, .optimizer_ranks = 2});
  EXPECT_EQ(bytes.values, 106 * 2);
  EXPECT_EQ(bytes.gradients, 106 * 4);
  EXPECT_EQ(bytes.optimizer, 53 * 12);
}

}  // namespace
}  // namespace tandem::layout
