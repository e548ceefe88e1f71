// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

namespace tandem::model {

/// Hands one tensor to several consumers and sums their gradients in one place: in x's type, which may be
/// finer than the consumers', and in a fixed order, the last consumer's first. Copies 0 .. copies - 1 have
/// type `type`, the one after them x's own. Used for the encoder's output, which every decoder layer reads
/// and which is handed on at last: so the sum through a chain of stages is, bit for bit, that of one stage.
std::vector<at::Tensor> fan_out(const at::Tensor& x, int64_t copies, at::ScalarType type);

}  // namespace tandem::model
