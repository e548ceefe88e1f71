// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace tandem::model {

/// Returns gelu(gate) * up, [..., 2 F] -> [..., F]: gate is the first half of the last dim, up the second.
/// GELU in its tanh form (Shazeer, arXiv 2002.05202; HF's "gated-gelu").
at::Tensor gated_gelu(const at::Tensor& gate_up);

}  // namespace tandem::model
