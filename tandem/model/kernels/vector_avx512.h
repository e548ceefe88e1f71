// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <immintrin.h>

#include "tandem/model/kernels/number.h"

/// Included only by files that are compiled for AVX-512. Everything is inlined or local to the file, so that
/// no such code can stand in for the same function elsewhere.
namespace tandem::model::kernels {
namespace {

constexpr int64_t kVector = 16;  // floats

/// Returns e^x to two units in the last place, 0 far below, NaN of NaN; the method of exponential.h.
TANDEM_INLINE __m512 exponential(__m512 x) {
  // Of a NaN and a number the instruction gives its second operand.
  x = _mm512_max_ps(_mm512_set1_ps(-150.0F), x);
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504F)), 0);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375F), x);
  r = _mm512_fmadd_ps(n, _mm512_set1_ps(2.12194440e-4F), r);
  __m512 p = _mm512_set1_ps(1.9875691500e-4F);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.3981999507e-3F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1F));
  p = _mm512_fmadd_ps(_mm512_mul_ps(p, r), r, _mm512_add_ps(r, _mm512_set1_ps(1.0F)));
  return _mm512_scalef_ps(p, n);
}

/// Returns the mask of the lanes before `count` of the vector at `first`.
TANDEM_INLINE __mmask16 lanes_before(int64_t count, int64_t first) {
  const int64_t left = count - first;
  return left >= kVector ? __mmask16{0xFFFF}
         : left <= 0     ? __mmask16{0}
                         : static_cast<__mmask16>((1 << left) - 1);
}

}  // namespace
}  // namespace tandem::model::kernels
