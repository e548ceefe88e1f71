// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tandem/model/kernels/attention_kernel.h"
#include "tandem/model/kernels/tile_packing.h"

/// The two passes of attention over a block of queries. Included only by files that are compiled for AVX-512.
namespace tandem::model::kernels {
namespace {

constexpr int64_t kBlock = 8 * kTileRows;  // queries

/// Sizes of one head's work, rounded to what products compute.
struct Sizes {
  explicit Sizes(const AttentionShape& shape)
      : keys(round_up(shape.keys, kVector * kTileRows) + kVector), width(round_up(shape.width, kVector)) {}
  int64_t keys;   // a row of scores: one vector more than a multiple, so that rows do not fall on the same
                  // cache sets
  int64_t width;  // a row of an output
};

/// A block of queries and the keys that its last query sees.
struct Block {
  int64_t begin, end, keys;
  int64_t rows() const { return end - begin; }
};

TANDEM_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/// Returns how many keys query t sees.
TANDEM_INLINE int64_t seen(const AttentionShape& shape, int64_t length, int64_t t) {
  return smaller(length, t + shape.causal_shift + 1);
}
TANDEM_INLINE Block block_at(const AttentionShape& shape, int64_t length, int64_t begin) {
  const int64_t end = smaller(begin + kBlock, shape.queries);
  return {begin, end, seen(shape, length, end - 1)};
}

template <class T>
TANDEM_INLINE Matrix<T> rows_of(const Heads<T>& x, const AttentionShape& shape, int64_t b, int64_t h,
                                int64_t begin, int64_t end) {
  return {x.row(b, begin, h), x.row_stride, end - begin, shape.width};
}

TANDEM_INLINE __m512 score(const float* scores, const float* bias, int64_t s, __m512 scale, __mmask16 lanes) {
  const __m512 scaled = _mm512_mul_ps(_mm512_loadu_ps(scores + s), scale);
  return bias ? _mm512_add_ps(scaled, _mm512_maskz_loadu_ps(lanes, bias + s)) : scaled;
}

TANDEM_INLINE void store(float* to, __m512 numbers) { _mm512_storeu_ps(to, numbers); }
#ifdef __AVX512BF16__
TANDEM_INLINE void store(Bfloat16* to, __m512 numbers) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), (__m256i)_mm512_cvtneps_pbh(numbers));
}
#endif

/// What a row of scores becomes: exponentials relative to the largest, which lie at `exponentials`.
struct SoftmaxRow {
  float largest, sum;
};

/// Turns the scores of a query that sees `count` keys into exponentials, zero from there to `padded`.
template <class T>
SoftmaxRow exponentials_of_row(float* scores, const float* bias, T* exponentials, int64_t count,
                               int64_t padded, float scale) {
  const __m512 factor = _mm512_set1_ps(scale);
  __m512 largest = _mm512_set1_ps(-__builtin_inff());
  for (int64_t s = 0; s < count; s += kVector) {
    const __mmask16 lanes = lanes_before(count, s);
    const __m512 x = score(scores, bias, s, factor, lanes);
    largest = _mm512_mask_max_ps(largest, lanes, largest, x);
    _mm512_storeu_ps(scores + s, x);
  }
  const float top = _mm512_reduce_max_ps(largest);
  const __m512 base = _mm512_set1_ps(top);
  __m512 sum = _mm512_setzero_ps();
  int64_t s = 0;
  for (; s < count; s += kVector) {
    const __m512 e = _mm512_maskz_mov_ps(lanes_before(count, s),
                                         exponential(_mm512_sub_ps(_mm512_loadu_ps(scores + s), base)));
    sum = _mm512_add_ps(sum, e);
    store(exponentials + s, e);
  }
  for (; s < padded; s += kVector) store(exponentials + s, _mm512_setzero_ps());
  return {top, _mm512_reduce_add_ps(sum)};
}

/// What `gradient_of_row` needs besides the scores and the gradient of the probabilities.
struct RowTerms {
  float scale, log_sum;
  float pull;  // sum over keys of probability times its gradient
};

/// Turns scores into probabilities and their gradient into that of the scores, both in place; zero from
/// `count` to `padded`.
inline void gradient_of_row(float* scores, float* gradient, const float* bias, float* of_bias, int64_t count,
                            int64_t padded, RowTerms terms) {
  const __m512 factor = _mm512_set1_ps(terms.scale), base = _mm512_set1_ps(terms.log_sum),
               pull = _mm512_set1_ps(terms.pull);
  int64_t s = 0;
  for (; s < count; s += kVector) {
    const __mmask16 lanes = lanes_before(count, s);
    const __m512 p =
        _mm512_maskz_mov_ps(lanes, exponential(_mm512_sub_ps(score(scores, bias, s, factor, lanes), base)));
    const __m512 of_score = _mm512_mul_ps(p, _mm512_sub_ps(_mm512_loadu_ps(gradient + s), pull));
    _mm512_storeu_ps(scores + s, p);
    _mm512_storeu_ps(gradient + s, of_score);
    if (of_bias) {
      const __m512 before = _mm512_maskz_loadu_ps(lanes, of_bias + s);
      _mm512_mask_storeu_ps(of_bias + s, lanes, _mm512_add_ps(before, of_score));
    }
  }
  for (; s < padded; s += kVector) {
    _mm512_storeu_ps(scores + s, _mm512_setzero_ps());
    _mm512_storeu_ps(gradient + s, _mm512_setzero_ps());
  }
}

template <class T>
float dot(const T* a, const T* b, int64_t count) {
  float sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += widen(a[i]) * widen(b[i]);
  return sum;
}

/// Writes rows of sums times `scale` as rows of T, `stride` elements apart.
template <class T>
void write_rows(const float* sums, int64_t row, T* to, int64_t stride, int64_t rows, int64_t width,
                float scale) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t e = 0; e < width; ++e) put(to[r * stride + e], sums[r * row + e] * scale);
}

}  // namespace
}  // namespace tandem::model::kernels
