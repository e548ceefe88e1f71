// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "tandem/model/attention_core.h"
#include "tandem/model/dropout.h"

/// The operations of the model as plain ATen compositions, forward and hand-written backward: what runs on
/// every device that has no kernels of its own, and what the CPU kernels are tested against. No autograd, no
/// communication.
namespace tandem::model::portable {

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& scale_D, double epsilon);

struct RmsNormGradients {
  at::Tensor x;        ///< as x
  at::Tensor scale_D;  ///< accumulation type
};
RmsNormGradients rms_norm_backward(const at::Tensor& gradient, const at::Tensor& x, const at::Tensor& scale_D,
                                   double epsilon);

at::Tensor gated_gelu(const at::Tensor& gate_up);
at::Tensor gated_gelu_backward(const at::Tensor& gradient, const at::Tensor& gate_up);

/// Which way `rotate` turns: backward is the turn by the opposite angle.
enum class Turn { kForward, kBack };
at::Tensor rotate(const at::Tensor& x_BTHE, double base, const at::Tensor& positions_T, Turn turn);

/// Returns what dropout keeps, bool [B, T, C], on the CPU.
at::Tensor kept(const DropoutPlace& place, int64_t length, int64_t width);
/// Returns x times kept / (1 - probability).
at::Tensor drop(const at::Tensor& x_BTC, const at::Tensor& kept_BTC, double probability);

struct Attention {
  at::Tensor output_BTHE;
  at::Tensor probabilities_BHTS;  ///< compute type
};
Attention attention(const at::Tensor& q_BTHE, const at::Tensor& k_BSHE, const at::Tensor& v_BSHE,
                    double scale, const Visibility& visibility, const at::Tensor& bias_HTS);

struct AttentionGradients {
  at::Tensor q_BTHE, k_BSHE, v_BSHE;
  at::Tensor bias_HTS;  ///< accumulation type
};
AttentionGradients attention_backward(const at::Tensor& gradient_BTHE, const at::Tensor& q_BTHE,
                                      const at::Tensor& k_BSHE, const at::Tensor& v_BSHE,
                                      const at::Tensor& probabilities_BHTS, double scale);

/// Returns what queries may see, bool, broadcastable to [B, H, T, S], on `device`; undefined if they see
/// everything.
at::Tensor visible(const Visibility& visibility, int64_t queries, int64_t keys, at::Device device);

}  // namespace tandem::model::portable
