// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gtest/gtest.h>

#include "tandem/base/nearest.h"

namespace tandem {
namespace {

TEST(EditDistance, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("heads", "heads"), 0u);
  EXPECT_EQ(edit_distance("heads", "haeds"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("sitting", "kitten"), 3u);
}

TEST(NearestName, FindsASlipInTheSameGroup) {
  EXPECT_EQ(nearest_name("model.hiden", {"model.heads", "model.hidden", "train.seed"}), "model.hidden");
}

TEST(NearestName, FindsTheRightKeyInAnotherGroup) {
  EXPECT_EQ(
      nearest_name("train.learning_rate", {"train.precision", "train.steps", "optimizer.learning_rate"}),
      "optimizer.learning_rate");
  EXPECT_EQ(nearest_name("dropout", {"data", "model.dropout"}), "model.dropout");
}

TEST(NearestName, SurvivesAWordOfAnyLength) {
  EXPECT_EQ(nearest_name(std::string(1 << 20, 'x'), {"a"}), "a");
  EXPECT_EQ(nearest_name("a", {}), "");
}

}  // namespace
}  // namespace tandem
