// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/model/tree_bias.h"

namespace tandem::model {
namespace {

TEST(TreeBias, OfDepthsForItselfAndAncestorsAndNothingElse) {
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
    const at::Tensor bias = tree_bias(tree, chain.to(type));
    EXPECT_TRUE(bias.is_contiguous());
    EXPECT_TRUE(bias.equal(at::stack({expected, expected + 100}).to(type))) << bias;
  }
}

TEST(TreeBias, ChainOfAnotherLengthIsABug) {
  TokenTree tree(0);
  tree.add(0, 5);
  EXPECT_THROW(tree_bias(tree, at::zeros({1, 3, 3})), BugError);
}

}  // namespace
}  // namespace tandem::model
