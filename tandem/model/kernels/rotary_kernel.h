// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tandem/model/kernels/number.h"

namespace tandem::model::kernels {

/// Turns pairs (j, j + half) of the heads' vectors. A row is one (b, t), numbered b * length + t; the
/// elements of a head lie side by side. T is float, double or Bfloat16.
template <class T>
struct Rotary {
  const T* x;
  int64_t batch_stride, time_stride, head_stride;  ///< of x, in elements
  T* out;                                          ///< contiguous
  const int64_t* positions;                        ///< [length]
  const Wide<T>* cosine;                           ///< rows of `half`, one a position
  const Wide<T>* sine;
  Wide<T> direction;  ///< 1, or -1 to turn back
  int64_t length, heads, half;
};
void rotate(const Rotary<float>& work, Rows rows);
void rotate(const Rotary<double>& work, Rows rows);
void rotate(const Rotary<Bfloat16>& work, Rows rows);

}  // namespace tandem::model::kernels
