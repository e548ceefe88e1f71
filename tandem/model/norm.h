// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "tandem/model/parameter.h"

namespace tandem::model {

/// Returns x / sqrt(mean(x^2) + epsilon) * scale along the last dim; shapes [..., D] and [D]. The mean and
/// the quotient are computed in fp32 for bf16 input, as HF's T5LayerNorm does (Zhang and Sennrich, arXiv
/// 1910.07467).
at::Tensor rms_norm(const at::Tensor& x, Parameter& scale, double epsilon);

}  // namespace tandem::model
