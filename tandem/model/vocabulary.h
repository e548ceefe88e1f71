// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "tandem/comm/group.h"
#include "tandem/model/parameter.h"

namespace tandem::model {

/// Returns scale * sum over the N tokens of -log p(label): hidden [N, D], labels [N] int64 -> scalar in the
/// accumulation type; N may be 0. The table's rows are split over the tensor group; all its ranks call, in
/// forward and backward. No rank ever holds another's logits: what crosses is three numbers a token (Shoeybi
/// et al., arXiv 1909.08053, section 3), and N D elements in backward. Logits are hidden x table^T, padded
/// rows left out; softmax is in the accumulation type. Backward adds to table.gradient.
at::Tensor summed_token_loss(const at::Tensor& hidden_ND, Parameter& table, const at::Tensor& labels_N,
                             const comm::Group& tensor, double scale);

/// Returns the logits of all real vocabulary rows, [N, D] -> [N, V] in the accumulation type. For a tensor
/// group of one: generation and scoring on one rank.
at::Tensor vocabulary_logits(const at::Tensor& hidden_ND, const Parameter& table);

}  // namespace tandem::model
