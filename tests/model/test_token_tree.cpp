// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/model/token_tree.h"

namespace tandem::model {
namespace {

using ::testing::ElementsAre;

TEST(TokenTree, ANodeStandsOneDeeperThanItsParent) {
  TokenTree tree(7);
  EXPECT_EQ(tree.num_levels(), 1);
  EXPECT_EQ(tree.add(0, 4), 1);
  EXPECT_EQ(tree.add(0, 5), 2);
  EXPECT_EQ(tree.add(1, 4), 3);
  EXPECT_EQ(tree.add(3, 6), 4);
  EXPECT_EQ(tree.add(2, 6), 5);
  EXPECT_EQ(tree.size(), 6);
  EXPECT_THAT(tree.ids(), ElementsAre(7, 4, 5, 4, 6, 6));
  EXPECT_THAT(tree.parents(), ElementsAre(TokenTree::kNoParent, 0, 0, 1, 3, 2));
  EXPECT_THAT(tree.depths(), ElementsAre(0, 1, 1, 2, 3, 2));
  EXPECT_EQ(tree.num_levels(), 4);
}

TEST(TokenTree, ANodeBelowNoneIsABug) {
  TokenTree tree(0);
  EXPECT_THROW(tree.add(1, 2), BugError);
  EXPECT_THROW(tree.add(TokenTree::kNoParent, 2), BugError);
  EXPECT_EQ(tree.size(), 1);
}

}  // namespace
}  // namespace tandem::model
