// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tandem/model/kernels/number.h"

namespace tandem::model::kernels {

/// The steps of a softmax over rows that are spread over ranks: between them, maxima and sums go around. Rows
/// are `width` contiguous elements, width may be 0. T is float, double or Bfloat16.
template <class T>
struct SoftmaxRows {
  T* logits;  ///< softmax_probabilities writes here
  int64_t width;
  Wide<T>* maximum;  ///< of each row; -infinity where width is 0
  Wide<T>* sum;      ///< of each row, of e^(logit - maximum); NaN where a logit is not finite
};

/// Each of these does its step for all three types.
#define TANDEM_SOFTMAX_STEP(name)                        \
  void name(const SoftmaxRows<float>& work, Rows rows);  \
  void name(const SoftmaxRows<double>& work, Rows rows); \
  void name(const SoftmaxRows<Bfloat16>& work, Rows rows)

/// Sets the maxima.
TANDEM_SOFTMAX_STEP(softmax_maximum);
/// Sets the sums from the maxima.
TANDEM_SOFTMAX_STEP(softmax_sum);
/// Replaces logits by e^(logit - maximum) / sum.
TANDEM_SOFTMAX_STEP(softmax_probabilities);

#undef TANDEM_SOFTMAX_STEP

}  // namespace tandem::model::kernels
