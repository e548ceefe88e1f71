// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "tandem/comm/group.h"

namespace tandem::comm {

/// The pair of conjugate operations of tensor parallelism, for autograd (Shoeybi et al., "Megatron-LM", arXiv
/// 1909.08053, section 3: f and g). All ranks of the group call, forward and backward, in the same order.
/// Shapes stay.

/// Returns `x`; backward all-reduces its gradient. Put before a column-parallel product, whose input is
/// replicated.
at::Tensor replicate(const at::Tensor& x, const Group& group);

/// Returns the sum of `x` over the group; backward passes the gradient through. Put after a row-parallel
/// product.
at::Tensor sum_partial(const at::Tensor& x, const Group& group);

}  // namespace tandem::comm
