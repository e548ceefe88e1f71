// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/kernels/gated_gelu_kernel.h"

#include <cmath>

#include "tandem/model/kernels/exponential.h"

namespace tandem::model::kernels {

namespace {

constexpr double kSlope = 0.79788456080286535588;  // sqrt(2 / pi)
constexpr double kCubic = 0.044715;

// gelu(x) = x * share(x), share = (1 + tanh(u)) / 2 = 1 / (1 + e^(-2u)), u = kSlope (x + kCubic x^3).
template <class W>
struct Share {
  W value;
  W slope;  // of share by x
};

TANDEM_INLINE Share<float> share(float x) {
  // Beyond 30 the share is exactly 0 or 1; the bound keeps the cube finite.
  x = x < -30.0F ? -30.0F : (x > 30.0F ? 30.0F : x);
  const float square = x * x;
  const float value = 1.0F / (1.0F + exponential(static_cast<float>(-2 * kSlope) * x *
                                                 (1.0F + static_cast<float>(kCubic) * square)));
  return {value, value * (1.0F - value) * static_cast<float>(2 * kSlope) *
                     (1.0F + static_cast<float>(3 * kCubic) * square)};
}

TANDEM_INLINE Share<double> share(double x) {
  const double square = x * x;
  const double tanh = std::tanh(kSlope * x * (1 + kCubic * square));
  return {0.5 * (1 + tanh), 0.5 * (1 - tanh * tanh) * kSlope * (1 + 3 * kCubic * square)};
}

template <class T>
TANDEM_INLINE void forward(const GatedGelu<T>& work, Rows rows) {
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T* __restrict gate = work.gate_up + row * 2 * work.width;
    const T* __restrict up = gate + work.width;
    T* __restrict out = work.out + row * work.width;
    for (int64_t i = 0; i < work.width; ++i) {
      const Wide<T> x = widen(gate[i]);
      put(out[i], x * share(x).value * widen(up[i]));
    }
  }
}

// The loop over T alone becomes vector code for float but not for two outputs of Bfloat16: hence the numbers
// pass through buffers of the wide type.
template <class T>
TANDEM_INLINE void backward_some(const T* gate, const T* up, const T* of_out, T* of_gate, T* of_up,
                                 int64_t count) {
  constexpr int64_t kBuffer = 128;
  Wide<T> gates[kBuffer], ups[kBuffer];
  for (int64_t begin = 0; begin < count; begin += kBuffer) {
    const int64_t here = count - begin < kBuffer ? count - begin : kBuffer;
    for (int64_t i = 0; i < here; ++i) {
      const Wide<T> x = widen(gate[begin + i]), gradient = widen(of_out[begin + i]);
      const Share<Wide<T>> s = share(x);
      gates[i] = gradient * widen(up[begin + i]) * (s.value + x * s.slope);
      ups[i] = gradient * x * s.value;
    }
    for (int64_t i = 0; i < here; ++i) put(of_gate[begin + i], gates[i]);
    for (int64_t i = 0; i < here; ++i) put(of_up[begin + i], ups[i]);
  }
}

template <class T>
TANDEM_INLINE void backward(const GatedGeluBackward<T>& work, Rows rows) {
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T* gate = work.gate_up + row * 2 * work.width;
    T* of_gate = work.of_gate_up + row * 2 * work.width;
    backward_some(gate, gate + work.width, work.of_out + row * work.width, of_gate, of_gate + work.width,
                  work.width);
  }
}

}  // namespace

TANDEM_EACH_LEVEL void gated_gelu(const GatedGelu<float>& work, Rows rows) { forward(work, rows); }
TANDEM_EACH_LEVEL void gated_gelu(const GatedGelu<double>& work, Rows rows) { forward(work, rows); }
TANDEM_EACH_LEVEL void gated_gelu(const GatedGelu<Bfloat16>& work, Rows rows) { forward(work, rows); }

TANDEM_EACH_LEVEL void gated_gelu_backward(const GatedGeluBackward<float>& work, Rows rows) {
  backward(work, rows);
}
TANDEM_EACH_LEVEL void gated_gelu_backward(const GatedGeluBackward<double>& work, Rows rows) {
  backward(work, rows);
}
TANDEM_EACH_LEVEL void gated_gelu_backward(const GatedGeluBackward<Bfloat16>& work, Rows rows) {
  backward(work, rows);
}

}  // namespace tandem::model::kernels
