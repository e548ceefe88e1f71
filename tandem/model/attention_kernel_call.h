// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "tandem/model/attention_core.h"
#include "tandem/model/portable.h"

/// Attention by the kernels of the processor: tensors in, tensors out, on ATen's threads. No autograd.
namespace tandem::model {

/// Returns whether this processor has kernels for tensors like `q`.
bool has_attention_kernel(const at::Tensor& q);

struct KernelAttention {
  at::Tensor output_BTHE;
  at::Tensor log_sum_BHT;  ///< fp32; backward wants it
};
KernelAttention kernel_attention(const at::Tensor& q_BTHE, const at::Tensor& k_BSHE, const at::Tensor& v_BSHE,
                                 double scale, const Visibility& visibility, const at::Tensor& bias_HTS);

enum class BiasGradient { kSkip, kCompute };
portable::AttentionGradients kernel_attention_backward(
    const at::Tensor& gradient_BTHE, const at::Tensor& q_BTHE, const at::Tensor& k_BSHE,
    const at::Tensor& v_BSHE, const KernelAttention& forward, double scale, const Visibility& visibility,
    const at::Tensor& bias_HTS, BiasGradient bias_gradient);

}  // namespace tandem::model
