// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "tandem/model/token_tree.h"

namespace tandem::model {

/// Returns the bias [H, N, N] with which each of the tree's N nodes sees itself and its ancestors alone: that
/// of their depths in `chain` [H, L, L] (queries, keys; L = tree.num_levels()), -infinity for all other
/// nodes. Contiguous, of chain's type and device. No communication.
at::Tensor tree_bias(const TokenTree& tree, const at::Tensor& chain_HLL);

}  // namespace tandem::model
