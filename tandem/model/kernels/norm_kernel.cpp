// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/kernels/norm_kernel.h"

#include <cmath>

namespace tandem::model::kernels {

namespace {

template <class T>
TANDEM_INLINE void forward(const NormForward<T>& work, Rows rows) {
  const int64_t width = work.width;
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T* x = work.x + row * width;
    T* y = work.y + row * width;
    Wide<T> sum = 0;
    for (int64_t i = 0; i < width; ++i) sum += widen(x[i]) * widen(x[i]);
    const Wide<T> inverse =
        1 / std::sqrt(sum / static_cast<Wide<T>>(width) + static_cast<Wide<T>>(work.epsilon));
    work.inverse[row] = inverse;
    for (int64_t i = 0; i < width; ++i) put(y[i], widen(x[i]) * inverse * widen(work.scale[i]));
  }
}

template <class T>
TANDEM_INLINE void backward(const NormBackward<T>& work, Rows rows, Wide<T>* __restrict of_scale) {
  const int64_t width = work.width;
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T* x = work.x + row * width;
    const T* of_y = work.of_y + row * width;
    T* of_x = work.of_x + row * width;
    const Wide<T> inverse = work.inverse[row];
    Wide<T> product = 0;
    for (int64_t i = 0; i < width; ++i) product += widen(of_y[i]) * widen(work.scale[i]) * widen(x[i]);
    const Wide<T> pull = product * inverse * inverse / static_cast<Wide<T>>(width);
    for (int64_t i = 0; i < width; ++i) {
      const Wide<T> value = widen(x[i]), gradient = widen(of_y[i]);
      of_scale[i] += gradient * value * inverse;
      put(of_x[i], inverse * (gradient * widen(work.scale[i]) - value * pull));
    }
  }
}

}  // namespace

TANDEM_EACH_LEVEL void rms_norm(const NormForward<float>& work, Rows rows) { forward(work, rows); }
TANDEM_EACH_LEVEL void rms_norm(const NormForward<double>& work, Rows rows) { forward(work, rows); }
TANDEM_EACH_LEVEL void rms_norm(const NormForward<Bfloat16>& work, Rows rows) { forward(work, rows); }

TANDEM_EACH_LEVEL void rms_norm_backward(const NormBackward<float>& work, Rows rows, float* of_scale) {
  backward(work, rows, of_scale);
}
TANDEM_EACH_LEVEL void rms_norm_backward(const NormBackward<double>& work, Rows rows, double* of_scale) {
  backward(work, rows, of_scale);
}
TANDEM_EACH_LEVEL void rms_norm_backward(const NormBackward<Bfloat16>& work, Rows rows, float* of_scale) {
  backward(work, rows, of_scale);
}

}  // namespace tandem::model::kernels
