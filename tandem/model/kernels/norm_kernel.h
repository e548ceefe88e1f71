// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tandem/model/kernels/number.h"

namespace tandem::model::kernels {

/// RMSNorm over rows of `width` contiguous elements. T is float, double or Bfloat16.
template <class T>
struct NormForward {
  const T* x;
  const T* scale;
  T* y;
  Wide<T>* inverse;  ///< out: 1 / sqrt(mean square + epsilon) of each row
  int64_t width;
  double epsilon;
};
void rms_norm(const NormForward<float>& work, Rows rows);
void rms_norm(const NormForward<double>& work, Rows rows);
void rms_norm(const NormForward<Bfloat16>& work, Rows rows);

template <class T>
struct NormBackward {
  const T* of_y;
  const T* x;
  const T* scale;
  const Wide<T>* inverse;
  T* of_x;
  int64_t width;
};
/// Writes the gradient of x and adds the rows' gradient of the scale to `of_scale` [width].
void rms_norm_backward(const NormBackward<float>& work, Rows rows, float* of_scale);
void rms_norm_backward(const NormBackward<double>& work, Rows rows, double* of_scale);
void rms_norm_backward(const NormBackward<Bfloat16>& work, Rows rows, float* of_scale);

}  // namespace tandem::model::kernels
