// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "tandem/model/attention_core.h"
#include "tandem/model/portable.h"

/// Attention by the kernels of the processor: tensors in, tensors out, on ATen's threads. No autograd.
namespace tandem::model {

/// Returns whether this processor has kernels for tensors like `q`.
bool has_attention_kernel(const at::Tensor& q);

/// What forward gives.
struct KernelAttention {
  at::Tensor output_BTHE;  ///< contiguous, of q's type
  at::Tensor log_sum_BHT;  ///< fp32, logarithm of each query's sum of exponentials; backward wants it
};

/// Computes softmax(q k^T * scale + bias) v of each head, as `attention` (attention_core.h) defines it, with
/// the same shapes: q [B, T, H, E], k and v [B, S, H, E], any strides; bias [H, T, S] fp32 and contiguous, or
/// undefined; key lengths int64 on the CPU. Needs `has_attention_kernel(q)`. No communication.
KernelAttention kernel_attention(const at::Tensor& q_BTHE, const at::Tensor& k_BSHE, const at::Tensor& v_BSHE,
                                 double scale, const Visibility& visibility, const at::Tensor& bias_HTS);

/// Whether backward also sums the gradient of the bias, which costs memory and time.
enum class BiasGradient { kSkip, kCompute };

/// Computes the gradients of q, k, v, and with kCompute of the bias, [H, T, S] fp32 (undefined with kSkip),
/// from that of the output [B, T, H, E]. `forward` is what the forward of the same arguments gave; the
/// probabilities are computed again. The gradient of the bias is summed over the batch in parts whose number
/// depends on ATen's threads: another number of threads rounds it differently.
portable::AttentionGradients kernel_attention_backward(
    const at::Tensor& gradient_BTHE, const at::Tensor& q_BTHE, const at::Tensor& k_BSHE,
    const at::Tensor& v_BSHE, const KernelAttention& forward, double scale, const Visibility& visibility,
    const at::Tensor& bias_HTS, BiasGradient bias_gradient);

}  // namespace tandem::model
