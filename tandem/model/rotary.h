// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace tandem::model {

/// Turns pairs (j, j + E/2) of each head's vector by the angle position * base^(-2j/E): [B, T, H, E] -> same,
/// E even; what stands at t in row b turns by positions[t] or positions[b, t]: [T] or [B, T] int64, CPU,
/// contiguous, none negative (Su et al., arXiv 2104.09864, section 3.2, in the half-split form). Input may be
/// strided; angles are computed in fp64, products in fp32 for bf16 input.
at::Tensor rotate(const at::Tensor& x_BTHE, double base, const at::Tensor& positions);

}  // namespace tandem::model
