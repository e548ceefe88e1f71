// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/tree_batch.h"

#include <algorithm>
#include <limits>
#include <vector>

#include <ATen/ATen.h>

#include "tandem/base/error.h"

namespace tandem::model {

namespace {

at::Tensor padded(std::vector<int64_t> values, int64_t size, int64_t padding) {
  values.resize(static_cast<size_t>(size), padding);
  return at::tensor(values, at::kLong);
}

// True where a query (row) must not see a key.
at::Tensor strangers_in(const TokenTree& tree, int64_t size) {
  at::Tensor strangers_NN = at::eye(size, at::kBool).logical_not();
  auto* row = strangers_NN.mutable_data_ptr<bool>();
  for (int64_t node = 0; node < tree.size(); ++node, row += size)
    for (int64_t seen = node; seen != TokenTree::kNoParent; seen = tree.parents()[static_cast<size_t>(seen)])
      row[seen] = false;
  return strangers_NN;
}

}  // namespace

TreeBatch make_tree_batch(std::span<const TokenTree* const> trees) {
  TANDEM_CHECK(!trees.empty(), "a batch of no trees");
  const auto num_rows = std::ssize(trees);
  if (std::ranges::all_of(trees, [&](const TokenTree* tree) { return tree == trees.front(); }))
    trees = trees.first(1);
  int64_t size = 0, num_levels = 0;
  for (const TokenTree* tree : trees) {
    size = std::max(size, tree->size());
    num_levels = std::max(num_levels, tree->num_levels());
  }
  std::vector<at::Tensor> ids, depths, strangers;
  for (const TokenTree* tree : trees) {
    ids.push_back(padded(tree->ids(), size, tree->ids().front()));
    depths.push_back(padded(tree->depths(), size, 0));
    strangers.push_back(strangers_in(*tree, size));
  }
  const bool shared = trees.size() == 1;
  return {.ids_BN = at::stack(ids).expand({num_rows, size}),
          .depths = shared ? depths.front() : at::stack(depths),
          .strangers = shared ? strangers.front() : at::stack(strangers),
          .num_levels = num_levels};
}

at::Tensor tree_bias(const TreeBatch& batch, const at::Tensor& chain_HLL) {
  using at::indexing::Slice;
  TANDEM_CHECK(chain_HLL.size(1) == batch.num_levels && chain_HLL.size(2) == batch.num_levels,
               "tree_bias: shape of the chain's bias");
  const at::Tensor depths = batch.depths.to(chain_HLL.device());
  at::Tensor bias = chain_HLL.index({Slice(), depths.unsqueeze(-1), depths.unsqueeze(-2)});
  if (depths.dim() == 2) bias = bias.transpose(0, 1);
  return bias
      .masked_fill(batch.strangers.unsqueeze(-3).to(chain_HLL.device()),
                   -std::numeric_limits<double>::infinity())
      .contiguous();
}

}  // namespace tandem::model
