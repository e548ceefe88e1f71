// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/tree_bias.h"

#include <limits>

#include <ATen/ATen.h>

#include "tandem/base/error.h"

namespace tandem::model {

namespace {

// True where a query (row) must not see a key.
at::Tensor strangers(const TokenTree& tree) {
  at::Tensor strangers_NN = at::ones({tree.size(), tree.size()}, at::kBool);
  auto* row = strangers_NN.mutable_data_ptr<bool>();
  for (int64_t node = 0; node < tree.size(); ++node, row += tree.size())
    for (int64_t seen = node; seen != TokenTree::kNoParent; seen = tree.parents()[static_cast<size_t>(seen)])
      row[seen] = false;
  return strangers_NN;
}

}  // namespace

at::Tensor tree_bias(const TokenTree& tree, const at::Tensor& chain_HLL) {
  TANDEM_CHECK(chain_HLL.size(1) == tree.num_levels() && chain_HLL.size(2) == tree.num_levels(),
               "tree_bias: shape of the chain's bias");
  const at::Tensor depths = at::tensor(tree.depths(), at::kLong).to(chain_HLL.device());
  return chain_HLL.index_select(1, depths).index_select(2, depths).masked_fill(
      strangers(tree).to(chain_HLL.device()), -std::numeric_limits<double>::infinity());
}

}  // namespace tandem::model
