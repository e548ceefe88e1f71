// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "tandem/model/parameter.h"

namespace tandem::model {

/// Returns x times the transpose of a weight: [..., I] -> [..., O]. The weight's local shape is [O, I], or
/// [K, P, I] for K products fused into one, with O = K * P. No communication: tensor parallelism wraps it
/// with comm::replicate and comm::sum_partial. Backward adds the weight's gradient to weight.gradient.
at::Tensor linear(const at::Tensor& x, Parameter& weight);

}  // namespace tandem::model
