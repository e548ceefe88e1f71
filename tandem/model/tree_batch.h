// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include <ATen/core/Tensor.h>

#include "tandem/model/token_tree.h"

namespace tandem::model {

/// The trees of B rows as one batch of N positions, those of the largest. Smaller ones are padded with nodes
/// that repeat the root's id and see themselves alone; what is computed for them means nothing. Where all
/// rows read the same object the B of `depths` and `strangers` is left out. CPU tensors.
struct TreeBatch {
  at::Tensor ids_BN;     ///< int64
  at::Tensor depths;     ///< [B, N] or [N], int64
  at::Tensor strangers;  ///< [B, N, N] or [N, N], bool: a node (row) must not see another
  int64_t num_levels = 0;
};

/// Makes a batch of each row's tree; at least one row. Pure.
TreeBatch make_tree_batch(std::span<const TokenTree* const> trees);

/// Returns the bias [B, H, N, N], or [H, N, N], with which each node sees itself and its ancestors alone:
/// that of their depths in `chain` [H, L, L] (queries, keys; L = num_levels), -infinity for all other nodes.
/// Contiguous, of chain's type and device. No communication.
at::Tensor tree_bias(const TreeBatch& batch, const at::Tensor& chain_HLL);

}  // namespace tandem::model
