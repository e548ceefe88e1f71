// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/portable.h"

#include <cmath>
#include <numbers>

#include <ATen/ATen.h>

#include "tandem/base/error.h"
#include "tandem/model/accumulation.h"

namespace tandem::model::portable {

namespace {

const double kSlope = std::sqrt(2.0 / std::numbers::pi);
constexpr double kCubic = 0.044715;

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& scale_D, double epsilon) {
  const at::Tensor wide = x.to(accumulation_type(x));
  const at::Tensor inverse = (wide.square().mean(-1, true) + epsilon).rsqrt();
  return (wide * inverse * scale_D).to(x.scalar_type());
}

RmsNormGradients rms_norm_backward(const at::Tensor& gradient, const at::Tensor& x, const at::Tensor& scale_D,
                                   double epsilon) {
  const at::ScalarType wide = accumulation_type(x);
  const at::Tensor x_wide = x.to(wide);
  const at::Tensor inverse = (x_wide.square().mean(-1, true) + epsilon).rsqrt();
  const at::Tensor normal = x_wide * inverse;
  const at::Tensor of_output = gradient.to(wide);
  const at::Tensor of_normal = of_output * scale_D;
  const at::Tensor of_x = inverse * (of_normal - normal * (of_normal * normal).mean(-1, true));
  return {of_x.to(x.scalar_type()), (of_output * normal).reshape({-1, x.size(-1)}).sum(0)};
}

at::Tensor gated_gelu(const at::Tensor& gate_up) {
  const at::Tensor wide = gate_up.to(accumulation_type(gate_up));
  const auto halves = wide.chunk(2, -1);
  return (at::gelu(halves[0], "tanh") * halves[1]).to(gate_up.scalar_type());
}

at::Tensor gated_gelu_backward(const at::Tensor& gradient, const at::Tensor& gate_up) {
  const at::ScalarType wide = accumulation_type(gate_up);
  const auto halves = gate_up.to(wide).chunk(2, -1);
  const at::Tensor& gate = halves[0];
  const at::Tensor of_output = gradient.to(wide);
  const at::Tensor square = gate.square();
  const at::Tensor tanh = (kSlope * gate * (1 + kCubic * square)).tanh();
  const at::Tensor half = 0.5 * (1 + tanh);
  const at::Tensor slope = half + 0.5 * gate * (1 - tanh.square()) * kSlope * (1 + 3 * kCubic * square);
  return at::cat({of_output * halves[1] * slope, of_output * gate * half}, -1).to(gate_up.scalar_type());
}

at::Tensor rotate(const at::Tensor& x_BTHE, double base, const at::Tensor& positions_T, Turn turn) {
  const int64_t half = x_BTHE.size(3) / 2;
  const at::ScalarType wide = accumulation_type(x_BTHE);
  const at::TensorOptions exact = x_BTHE.options().dtype(at::kDouble);
  const at::Tensor position = positions_T.to(exact);
  const at::Tensor exponent = at::arange(half, exact) * (-1.0 / static_cast<double>(half));
  const at::Tensor angle = position.unsqueeze(1) * at::pow(base, exponent);
  const at::Tensor cosine = angle.cos().to(wide).unsqueeze(1);  // [T, 1, E/2]: all heads alike
  const at::Tensor sine = (turn == Turn::kForward ? angle : -angle).sin().to(wide).unsqueeze(1);
  const auto pair = x_BTHE.to(wide).chunk(2, -1);
  return at::cat({pair[0] * cosine - pair[1] * sine, pair[1] * cosine + pair[0] * sine}, -1)
      .to(x_BTHE.scalar_type());
}

at::Tensor kept(const DropoutPlace& place, int64_t length, int64_t width) {
  const at::Tensor rows = place.rows.contiguous();
  const int64_t batch = rows.numel();
  const double threshold = place.probability * 0x1p32;
  at::Tensor kept = at::empty({batch, length, width}, at::kBool);
  bool* out = kept.mutable_data_ptr<bool>();
  for (int64_t b = 0; b < batch; ++b) {
    const CounterRandom random = place.random.split(rows.const_data_ptr<int64_t>()[b]);
    for (int64_t t = 0; t < length; ++t) {
      const auto start = static_cast<uint64_t>(t * place.full_width + place.column_offset);
      for (uint64_t i = start; i < start + static_cast<uint64_t>(width); ++i)
        *out++ = random.words(i / 4)[i % 4] >= threshold;
    }
  }
  return kept;
}

at::Tensor drop(const at::Tensor& x_BTC, const at::Tensor& kept_BTC, double probability) {
  const at::Tensor scaled = x_BTC.to(accumulation_type(x_BTC)) * (1 / (1 - probability));
  return at::where(kept_BTC.to(x_BTC.device()), scaled, at::zeros({}, scaled.options()))
      .to(x_BTC.scalar_type());
}

at::Tensor visible(const Visibility& visibility, int64_t queries, int64_t keys, at::Device device) {
  at::Tensor seen;
  const at::Tensor key = at::arange(keys, at::TensorOptions(at::kLong).device(device));
  if (visibility.causality == Causality::kCausal) {
    const at::Tensor last = at::arange(keys - queries, keys, key.options());
    seen = (key <= last.unsqueeze(1)).view({1, 1, queries, keys});
  }
  if (visibility.key_lengths.defined()) {
    const at::Tensor inside = key < visibility.key_lengths.to(device).view({-1, 1, 1, 1});
    seen = seen.defined() ? seen.logical_and(inside) : inside;
  }
  return seen;
}

Attention attention(const at::Tensor& q_BTHE, const at::Tensor& k_BSHE, const at::Tensor& v_BSHE,
                    double scale, const Visibility& visibility, const at::Tensor& bias_HTS) {
  const at::Tensor q = q_BTHE.transpose(1, 2), k = k_BSHE.transpose(1, 2), v = v_BSHE.transpose(1, 2);
  at::Tensor scores = at::matmul(q, k.transpose(2, 3)).to(accumulation_type(q)) * scale;
  if (bias_HTS.defined()) scores = scores + bias_HTS;
  const at::Tensor seen = visible(visibility, q.size(2), k.size(2), q.device());
  if (seen.defined())
    scores = scores.masked_fill(seen.logical_not(), -std::numeric_limits<double>::infinity());
  const at::Tensor probabilities = scores.softmax(-1).to(q.scalar_type());
  return {at::matmul(probabilities, v).transpose(1, 2).contiguous(), probabilities};
}

AttentionGradients attention_backward(const at::Tensor& gradient_BTHE, const at::Tensor& q_BTHE,
                                      const at::Tensor& k_BSHE, const at::Tensor& v_BSHE,
                                      const at::Tensor& probabilities_BHTS, double scale) {
  const at::ScalarType wide = accumulation_type(q_BTHE);
  const at::Tensor q = q_BTHE.transpose(1, 2), k = k_BSHE.transpose(1, 2), v = v_BSHE.transpose(1, 2);
  const at::Tensor gradient = gradient_BTHE.transpose(1, 2);
  const at::Tensor of_v = at::matmul(probabilities_BHTS.transpose(2, 3), gradient);
  const at::Tensor of_probabilities = at::matmul(gradient, v.transpose(2, 3)).to(wide);
  const at::Tensor p = probabilities_BHTS.to(wide);
  const at::Tensor of_scores = p * (of_probabilities - (p * of_probabilities).sum(-1, true));
  const at::Tensor scaled = (of_scores * scale).to(q.scalar_type());
  return {at::matmul(scaled, k).transpose(1, 2), at::matmul(scaled.transpose(2, 3), q).transpose(1, 2),
          of_v.transpose(1, 2), of_scores.sum(0)};
}

}  // namespace tandem::model::portable
