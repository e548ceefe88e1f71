// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/attention_core.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "tandem/base/error.h"
#include "tandem/model/accumulation.h"
#include "tandem/model/attention_kernel_call.h"
#include "tandem/model/portable.h"

namespace tandem::model {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Any device; keeps the probabilities.
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

// By the processor's kernels; computes the probabilities again in backward.
struct KernelledAttention : torch::autograd::Function<KernelledAttention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const std::optional<at::Tensor>& given_bias, double scale,
                            const Visibility& visibility) {
    const at::Tensor bias = given_bias.value_or(at::Tensor());
    const auto made = kernel_attention(q, k, v, scale, visibility, bias);
    context->saved_data["scale"] = scale;
    context->saved_data["causal"] = visibility.causality == Causality::kCausal;
    context->save_for_backward({q, k, v, bias, made.output_BTHE, made.log_sum_BHT, visibility.key_lengths});
    return made.output_BTHE;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& bias = saved[3];
    const Visibility visibility{
        saved[6], context->saved_data["causal"].toBool() ? Causality::kCausal : Causality::kNone};
    const bool of_bias = bias.defined() && context->needs_input_grad(3);
    const auto of =
        kernel_attention_backward(gradients[0], saved[0], saved[1], saved[2], {saved[4], saved[5]},
                                  context->saved_data["scale"].toDouble(), visibility, bias,
                                  of_bias ? BiasGradient::kCompute : BiasGradient::kSkip);
    return {of.q_BTHE, of.k_BSHE, of.v_BSHE, of.bias_HTS, at::Tensor(), at::Tensor()};
  }
};

at::Tensor plain_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale,
                           const Visibility& visibility) {
  const at::Tensor seen = portable::visible(visibility, q.size(1), k.size(1), q.device());
  const at::Tensor output = at::scaled_dot_product_attention(
      q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2),
      seen.defined() ? std::make_optional(seen) : std::nullopt, 0.0, false, scale);
  // Of a query whose scores are all NaN libtorch makes 0, as if it saw no key. The first key is visible to
  // every query.
  const at::Tensor nan_of_scores = (q.sum(-1, true) + k.narrow(1, 0, 1).sum(-1, true)) * 0;
  return (output.transpose(1, 2) + nan_of_scores).contiguous();
}

void check(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Visibility& visibility,
           const at::Tensor& bias) {
  TANDEM_CHECK(q.dim() == 4 && k.dim() == 4 && k.sizes() == v.sizes() && q.size(0) == k.size(0) &&
                   q.size(2) == k.size(2) && q.size(3) == k.size(3),
               "attention: needs q [B, T, H, E] and k, v [B, S, H, E]");
  TANDEM_CHECK(visibility.causality == Causality::kNone || q.size(1) <= k.size(1),
               "attention: {} queries but {} keys, and causal", q.size(1), k.size(1));
  TANDEM_CHECK(!visibility.key_lengths.defined() || visibility.key_lengths.numel() == q.size(0),
               "attention: one key length a row of {}", q.size(0));
  if (!bias.defined()) return;
  TANDEM_CHECK(bias.scalar_type() == accumulation_type(q), "attention: type of the bias");
  const int64_t batch = q.size(0), heads = q.size(2), queries = q.size(1), keys = k.size(1);
  TANDEM_CHECK(bias.sizes() == at::IntArrayRef({heads, queries, keys}) ||
                   bias.sizes() == at::IntArrayRef({batch, heads, queries, keys}),
               "attention: shape of the bias");
  TANDEM_CHECK(bias.dim() == 3 || !visibility.key_lengths.defined(),
               "attention: a bias for each row hides keys by itself");
}

// Where each row has a bias of its own, the heads of all rows are those of one.
at::Tensor attention_of_rows(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale,
                             const Visibility& visibility, const at::Tensor& bias_BHTS) {
  const auto as_one_row = [](const at::Tensor& x) { return x.transpose(0, 1).flatten(1, 2).unsqueeze(0); };
  const at::Tensor heads =
      attention(as_one_row(q), as_one_row(k), as_one_row(v), scale, visibility, bias_BHTS.flatten(0, 1));
  return heads.view({q.size(1), q.size(0), q.size(2), q.size(3)}).transpose(0, 1).contiguous();
}

}  // namespace

at::Tensor attention(const at::Tensor& q_BTHE, const at::Tensor& k_BSHE, const at::Tensor& v_BSHE,
                     double scale, const Visibility& visibility, const at::Tensor& bias) {
  check(q_BTHE, k_BSHE, v_BSHE, visibility, bias);
  if (bias.defined() && bias.dim() == 4)
    return attention_of_rows(q_BTHE, k_BSHE, v_BSHE, scale, visibility, bias);
  if (has_attention_kernel(q_BTHE)) {
    // An undefined tensor is no argument of an autograd function, nothing at all is.
    const auto given = bias.defined() ? std::make_optional(bias.contiguous()) : std::nullopt;
    return KernelledAttention::apply(q_BTHE, k_BSHE, v_BSHE, given, scale, visibility);
  }
  if (!bias.defined()) return plain_attention(q_BTHE, k_BSHE, v_BSHE, scale, visibility);
  return BiasedAttention::apply(q_BTHE, k_BSHE, v_BSHE, bias, scale, visibility);
}

}  // namespace tandem::model
