// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tandem/model/kernels/number.h"

namespace tandem::model::kernels {

/// Gated GELU over rows of 2 * width contiguous elements, gate then up. T is float, double or Bfloat16. In
/// float the error of gelu is below 3e-7 of max(|x|, 1); double uses the C library's tanh.
template <class T>
struct GatedGelu {
  const T* gate_up;
  T* out;  ///< rows of `width`
  int64_t width;
};
void gated_gelu(const GatedGelu<float>& work, Rows rows);
void gated_gelu(const GatedGelu<double>& work, Rows rows);
void gated_gelu(const GatedGelu<Bfloat16>& work, Rows rows);

template <class T>
struct GatedGeluBackward {
  const T* of_out;  ///< rows of `width`
  const T* gate_up;
  T* of_gate_up;
  int64_t width;
};
void gated_gelu_backward(const GatedGeluBackward<float>& work, Rows rows);
void gated_gelu_backward(const GatedGeluBackward<double>& work, Rows rows);
void gated_gelu_backward(const GatedGeluBackward<Bfloat16>& work, Rows rows);

}  // namespace tandem::model::kernels
