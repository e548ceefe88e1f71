// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tandem/model/kernels/vector_avx512.h"

/// Products of small matrices that lie in cache, for attention. Included only by files that are compiled for
/// AVX-512.
///
/// A number is summed over in words: one float, or two bfloat16 side by side (the operand of the processor's
/// pairwise dot product). The left operand's word (m, k) lies at left[m * row + k * step]. The right one is
/// packed in panels of kPanel columns: word (k, n) at right[(n / kPanel * depth + k) * kPanel + n % kPanel].
namespace tandem::model::kernels {
namespace {

constexpr int64_t kPanel = 4 * kVector;
constexpr int64_t kTileRows =
    6;  // times four vectors: 24 sums, 4 of the right operand, 1 of the left: 29 of 32 registers

constexpr int64_t round_up(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

/// float: a word is one number.
struct FloatWords {
  using Element = float;
  using Word = float;
  static constexpr int64_t kNumbers = 1;

  TANDEM_INLINE static __m512 add_product(__m512 sum, const Word* left, __m512 right) {
    return _mm512_fmadd_ps(_mm512_set1_ps(*left), right, sum);
  }
};

#ifdef __AVX512BF16__
/// bfloat16: a word is two numbers.
struct PairWords {
  using Element = Bfloat16;
  using Word = uint32_t;
  static constexpr int64_t kNumbers = 2;

  TANDEM_INLINE static __m512 add_product(__m512 sum, const Word* left, __m512 right) {
    return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(static_cast<int>(*left)),
                            (__m512bh)_mm512_castps_si512(right));
  }
};
#endif

template <class Word>
struct Left {
  const Word* data;
  int64_t row, step;
};
template <class Word>
struct Right {
  const Word* data;
  int64_t depth;  // words of a panel's column
};
struct Product {
  float* data;
  int64_t row;
};
/// Sizes of a product: rows (a multiple of kTileRows is computed), columns (a multiple of kVector), words
/// summed over.
struct Extent {
  int64_t rows, columns, depth;
};
enum class Into { kEmpty, kSum };

template <class Words, int kColumns, Into kInto>
TANDEM_INLINE void tile(Left<typename Words::Word> left, const typename Words::Word* right, Product product,
                        int64_t depth) {
  __m512 sum[kTileRows][kColumns];
#pragma GCC unroll 8
  for (int m = 0; m < kTileRows; ++m)
#pragma GCC unroll 4
    for (int n = 0; n < kColumns; ++n)
      sum[m][n] = kInto == Into::kSum ? _mm512_loadu_ps(product.data + m * product.row + n * kVector)
                                      : _mm512_setzero_ps();
  for (int64_t k = 0; k < depth; ++k) {
    __m512 column[kColumns];
#pragma GCC unroll 4
    for (int n = 0; n < kColumns; ++n) column[n] = _mm512_loadu_ps(right + n * kVector);
#pragma GCC unroll 8
    for (int m = 0; m < kTileRows; ++m)
#pragma GCC unroll 4
      for (int n = 0; n < kColumns; ++n)
        sum[m][n] = Words::add_product(sum[m][n], left.data + m * left.row, column[n]);
    left.data += left.step;
    right += kPanel;
  }
#pragma GCC unroll 8
  for (int m = 0; m < kTileRows; ++m)
#pragma GCC unroll 4
    for (int n = 0; n < kColumns; ++n)
      _mm512_storeu_ps(product.data + m * product.row + n * kVector, sum[m][n]);
}

template <class Words, int kColumns, Into kInto>
void tiles(Left<typename Words::Word> left, const typename Words::Word* right, Product product,
           Extent extent) {
  for (int64_t m = 0; m < extent.rows; m += kTileRows)
    tile<Words, kColumns, kInto>({left.data + m * left.row, left.row, left.step}, right,
                                 {product.data + m * product.row, product.row}, extent.depth);
}

/// product (+)= left * right.
template <class Words, Into kInto>
void multiply(Left<typename Words::Word> left, Right<typename Words::Word> right, Product product,
              Extent extent) {
  for (int64_t n = 0; n < extent.columns; n += kPanel) {
    const auto* panel = right.data + n * right.depth;
    const Product part{product.data + n, product.row};
    switch (extent.columns - n) {
      case kVector:
        tiles<Words, 1, kInto>(left, panel, part, extent);
        break;
      case 2 * kVector:
        tiles<Words, 2, kInto>(left, panel, part, extent);
        break;
      case 3 * kVector:
        tiles<Words, 3, kInto>(left, panel, part, extent);
        break;
      default:
        tiles<Words, 4, kInto>(left, panel, part, extent);
    }
  }
}

}  // namespace
}  // namespace tandem::model::kernels
