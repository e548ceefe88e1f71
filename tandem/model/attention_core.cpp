// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/attention_core.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "tandem/base/error.h"
#include "tandem/model/portable.h"

namespace tandem::model {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct BiasedAttention : torch::autograd::Function<BiasedAttention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const at::Tensor& bias, double scale,
                            const Visibility& visibility) {
    auto [output, probabilities] = portable::attention(q, k, v, scale, visibility, bias);
    context->saved_data["scale"] = scale;
    context->save_for_backward({q, k, v, probabilities});
    return output;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const auto of = portable::attention_backward(gradients[0], saved[0], saved[1], saved[2], saved[3],
                                                 context->saved_data["scale"].toDouble());
    return {of.q_BTHE, of.k_BSHE, of.v_BSHE, of.bias_HTS, at::Tensor(), at::Tensor()};
  }
};

at::Tensor plain_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale,
                           const Visibility& visibility) {
  const at::Tensor seen = portable::visible(visibility, q.size(1), k.size(1), q.device());
  const at::Tensor output = at::scaled_dot_product_attention(
      q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2),
      seen.defined() ? std::make_optional(seen) : std::nullopt, 0.0, false, scale);
  return output.transpose(1, 2).contiguous();
}

}  // namespace

at::Tensor attention(const at::Tensor& q_BTHE, const at::Tensor& k_BSHE, const at::Tensor& v_BSHE,
                     double scale, const Visibility& visibility, const at::Tensor& bias_HTS) {
  TANDEM_CHECK(q_BTHE.dim() == 4 && k_BSHE.dim() == 4 && v_BSHE.dim() == 4, "attention: needs [B, T, H, E]");
  TANDEM_CHECK(visibility.causality == Causality::kNone || q_BTHE.size(1) <= k_BSHE.size(1),
               "attention: {} queries but {} keys, and causal", q_BTHE.size(1), k_BSHE.size(1));
  if (!bias_HTS.defined()) return plain_attention(q_BTHE, k_BSHE, v_BSHE, scale, visibility);
  TANDEM_CHECK(bias_HTS.scalar_type() == portable::accumulation_type(q_BTHE), "attention: type of the bias");
  return BiasedAttention::apply(q_BTHE, k_BSHE, v_BSHE, bias_HTS, scale, visibility);
}

}  // namespace tandem::model
