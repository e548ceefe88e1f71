// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/model/tree_batch.h"

namespace tandem::model {
namespace {

TreeBatch batch_of(const std::vector<const TokenTree*>& trees) { return make_tree_batch(trees); }

TEST(TreeBatch, HasABiasOfDepthsForItselfAndAncestorsAndNothingElse) {
  TokenTree tree(0);
  tree.add(0, 5);
  tree.add(0, 6);
  tree.add(1, 6);
  tree.add(2, 7);
  constexpr double kHidden = -INFINITY;
  // Element (query, key) of head h of the chain's is 100 h + 10 query + key.
  const at::Tensor chain = at::arange(2, at::kDouble).view({2, 1, 1}) * 100 +
                           at::arange(3, at::kDouble).view({1, 3, 1}) * 10 + at::arange(3, at::kDouble);
  const at::Tensor expected = at::tensor({0.0,  kHidden, kHidden, kHidden, kHidden,  //
                                          10.0, 11.0,    kHidden, kHidden, kHidden,  //
                                          10.0, kHidden, 11.0,    kHidden, kHidden,  //
                                          20.0, 21.0,    kHidden, 22.0,    kHidden,  //
                                          20.0, kHidden, 21.0,    kHidden, 22.0})
                                  .view({5, 5});
  for (const auto type : {at::kFloat, at::kDouble}) {
    const at::Tensor bias = tree_bias(batch_of({&tree, &tree}), chain.to(type));
    EXPECT_TRUE(bias.is_contiguous());
    EXPECT_TRUE(bias.equal(at::stack({expected, expected + 100}).to(type))) << bias;
  }
}

TEST(TreeBatch, PadsSmallerTreesWithNodesThatSeeThemselves) {
  TokenTree chain(8), twins(9);
  chain.add(chain.add(0, 5), 6);
  twins.add(0, 7);
  const TreeBatch batch = batch_of({&twins, &chain});
  EXPECT_EQ(batch.num_levels, 3);
  EXPECT_TRUE(batch.ids_BN.equal(at::tensor({9, 7, 9, 8, 5, 6}, at::kLong).view({2, 3})));
  EXPECT_TRUE(batch.depths.equal(at::tensor({0, 1, 0, 0, 1, 2}, at::kLong).view({2, 3})));
  const at::Tensor seen = at::tensor({1, 0, 0, 1, 1, 0, 0, 0, 1,  //
                                      1, 0, 0, 1, 1, 0, 1, 1, 1})
                              .view({2, 3, 3});
  EXPECT_TRUE(batch.strangers.logical_not().equal(seen.to(at::kBool)));
  const at::Tensor bias = tree_bias(batch, at::arange(9, at::kFloat).view({1, 3, 3}));
  EXPECT_TRUE(bias.is_contiguous());
  constexpr float kHidden = -INFINITY;
  EXPECT_TRUE(bias.equal(at::tensor({0.0F, kHidden, kHidden, 3.0F, 4.0F, kHidden, kHidden, kHidden, 0.0F,  //
                                     0.0F, kHidden, kHidden, 3.0F, 4.0F, kHidden, 6.0F, 7.0F, 8.0F})
                             .view({2, 1, 3, 3})))
      << bias;
}

TEST(TreeBatch, OfEqualRowsSharesTheirBias) {
  const TokenTree tree(4);
  const TreeBatch batch = batch_of({&tree, &tree, &tree});
  EXPECT_TRUE(batch.ids_BN.equal(at::full({3, 1}, 4, at::kLong)));
  EXPECT_EQ(batch.depths.dim(), 1);
  EXPECT_EQ(batch.strangers.dim(), 2);
}

TEST(TreeBatch, WithoutTreesIsABug) { EXPECT_THROW(batch_of({}), BugError); }

TEST(TreeBatch, ChainOfAnotherLengthIsABug) {
  TokenTree tree(0);
  tree.add(0, 5);
  EXPECT_THROW(tree_bias(batch_of({&tree}), at::zeros({1, 3, 3})), BugError);
}

}  // namespace
}  // namespace tandem::model
