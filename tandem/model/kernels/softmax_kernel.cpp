// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/kernels/softmax_kernel.h"

#include <cmath>
#include <limits>

#include "tandem/model/kernels/exponential.h"

#define TANDEM_LAMBDA __attribute__((always_inline))

namespace tandem::model::kernels {

namespace {

TANDEM_INLINE float power_of_e(float x) { return exponential(x); }
TANDEM_INLINE double power_of_e(double x) { return std::exp(x); }

// Partial results of a row, one for each lane, so that the loop becomes vector code without regrouping other
// sums (which would break exponential()'s rounding).
constexpr int64_t kLanes = 16;

// Calls step(lane, value) for the elements of a row, lanes in turn.
template <class T, class Step>
TANDEM_INLINE void for_lanes(const T* x, int64_t width, Step step) {
  int64_t i = 0;
  for (; i + kLanes <= width; i += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane) step(lane, widen(x[i + lane]));
  for (int64_t lane = 0; i < width; ++i, ++lane) step(lane, widen(x[i]));
}

template <class T>
TANDEM_INLINE void maximum(const SoftmaxRows<T>& work, Rows rows) {
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    Wide<T> most[kLanes];
    for (Wide<T>& value : most) value = -std::numeric_limits<Wide<T>>::infinity();
    for_lanes(work.logits + row * work.width, work.width, [&](int64_t lane, Wide<T> value) TANDEM_LAMBDA {
      most[lane] = value > most[lane] ? value : most[lane];
    });
    for (int64_t lane = 1; lane < kLanes; ++lane) most[0] = most[lane] > most[0] ? most[lane] : most[0];
    work.maximum[row] = most[0];
  }
}

template <class T>
TANDEM_INLINE void sum(const SoftmaxRows<T>& work, Rows rows) {
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const Wide<T> most = work.maximum[row];
    Wide<T> total[kLanes] = {};
    // Their difference to themselves is 0, or NaN where a logit is not finite, which exponential() alone
    // would hide.
    for_lanes(work.logits + row * work.width, work.width, [&](int64_t lane, Wide<T> value) TANDEM_LAMBDA {
      total[lane] += power_of_e(value - most) + (value - value);
    });
    for (int64_t lane = 1; lane < kLanes; ++lane) total[0] += total[lane];
    work.sum[row] = total[0];
  }
}

template <class T>
TANDEM_INLINE void probabilities(const SoftmaxRows<T>& work, Rows rows) {
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    T* x = work.logits + row * work.width;
    const Wide<T> most = work.maximum[row], inverse = 1 / work.sum[row];
    for (int64_t i = 0; i < work.width; ++i) put(x[i], power_of_e(widen(x[i]) - most) * inverse);
  }
}

}  // namespace

TANDEM_EACH_LEVEL void softmax_maximum(const SoftmaxRows<float>& work, Rows rows) { maximum(work, rows); }
TANDEM_EACH_LEVEL void softmax_maximum(const SoftmaxRows<double>& work, Rows rows) { maximum(work, rows); }
TANDEM_EACH_LEVEL void softmax_maximum(const SoftmaxRows<Bfloat16>& work, Rows rows) { maximum(work, rows); }

TANDEM_EACH_LEVEL void softmax_sum(const SoftmaxRows<float>& work, Rows rows) { sum(work, rows); }
TANDEM_EACH_LEVEL void softmax_sum(const SoftmaxRows<double>& work, Rows rows) { sum(work, rows); }
TANDEM_EACH_LEVEL void softmax_sum(const SoftmaxRows<Bfloat16>& work, Rows rows) { sum(work, rows); }

TANDEM_EACH_LEVEL void softmax_probabilities(const SoftmaxRows<float>& work, Rows rows) {
  probabilities(work, rows);
}
TANDEM_EACH_LEVEL void softmax_probabilities(const SoftmaxRows<double>& work, Rows rows) {
  probabilities(work, rows);
}
TANDEM_EACH_LEVEL void softmax_probabilities(const SoftmaxRows<Bfloat16>& work, Rows rows) {
  probabilities(work, rows);
}

}  // namespace tandem::model::kernels
