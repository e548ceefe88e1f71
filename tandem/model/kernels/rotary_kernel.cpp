// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/kernels/rotary_kernel.h"

namespace tandem::model::kernels {

namespace {

template <class T>
TANDEM_INLINE void turn(const Rotary<T>& work, Rows rows) {
  const int64_t half = work.half;
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const int64_t b = row / work.length, t = row % work.length;
    const Wide<T>* cosine = work.cosine + work.positions[t] * half;
    const Wide<T>* sine = work.sine + work.positions[t] * half;
    for (int64_t head = 0; head < work.heads; ++head) {
      const T* __restrict x = work.x + b * work.batch_stride + t * work.time_stride + head * work.head_stride;
      T* __restrict out = work.out + (row * work.heads + head) * 2 * half;
      for (int64_t j = 0; j < half; ++j) {
        const Wide<T> first = widen(x[j]), second = widen(x[j + half]), s = sine[j] * work.direction;
        put(out[j], first * cosine[j] - second * s);
        put(out[j + half], second * cosine[j] + first * s);
      }
    }
  }
}

}  // namespace

TANDEM_EACH_LEVEL void rotate(const Rotary<float>& work, Rows rows) { turn(work, rows); }
TANDEM_EACH_LEVEL void rotate(const Rotary<double>& work, Rows rows) { turn(work, rows); }
TANDEM_EACH_LEVEL void rotate(const Rotary<Bfloat16>& work, Rows rows) { turn(work, rows); }

}  // namespace tandem::model::kernels
