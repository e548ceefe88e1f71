// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>

#include "tandem/model/kernels/tile_product.h"

/// Brings rows of numbers into the forms that tile_product.h reads. Included only by files that are compiled
/// for AVX-512.
namespace tandem::model::kernels {
namespace {

/// Rows of `width` contiguous elements, `stride` elements apart.
template <class T>
struct Matrix {
  const T* data;
  int64_t stride, rows, width;
};

/// Asks for the row some rows on: those of one head lie too far apart for the processor to guess.
template <class T>
TANDEM_INLINE void fetch_ahead(const T* row, int64_t stride, int64_t width) {
  constexpr int64_t kAhead = 8, kLine = 64 / static_cast<int64_t>(sizeof(T));
  for (int64_t i = 0; i < width; i += kLine) __builtin_prefetch(row + kAhead * stride + i);
}

template <class Words>
constexpr int64_t words_of(int64_t numbers) {
  return (numbers + Words::kNumbers - 1) / Words::kNumbers;
}

/// Copies rows as words, one row after the other; a last odd number gets a zero beside it. Rows up to the
/// next multiple of kTileRows become zero.
template <class Words>
void pack_left(Matrix<typename Words::Element> from, typename Words::Word* to) {
  using T = typename Words::Element;
  const int64_t words = words_of<Words>(from.width);
  const int64_t rows = round_up(from.rows, kTileRows);
  std::memset(to + from.rows * words, 0, static_cast<size_t>((rows - from.rows) * words) * sizeof(*to));
  for (int64_t row = 0; row < from.rows; ++row) {
    fetch_ahead(from.data + row * from.stride, from.stride, from.width);
    to[row * words + words - 1] = 0;
    std::memcpy(to + row * words, from.data + row * from.stride, static_cast<size_t>(from.width) * sizeof(T));
  }
}

/// Packs a matrix as the right operand that sums over its width, so that its rows become columns. Columns up
/// to the next multiple of kVector become zero.
template <class Words>
void pack_transposed(Matrix<typename Words::Element> from, typename Words::Word* to) {
  using T = typename Words::Element;
  using Word = typename Words::Word;
  const int64_t depth = words_of<Words>(from.width), whole = from.width / Words::kNumbers;
  for (int64_t row = 0; row < round_up(from.rows, kVector); ++row) {
    Word* column = to + row / kPanel * kPanel * depth + row % kPanel;
    if (row >= from.rows) {
      for (int64_t k = 0; k < depth; ++k) column[k * kPanel] = 0;
      continue;
    }
    const T* numbers = from.data + row * from.stride;
    fetch_ahead(numbers, from.stride, from.width);
    for (int64_t k = 0; k < whole; ++k)
      std::memcpy(column + k * kPanel, numbers + k * Words::kNumbers, sizeof(Word));
    if (whole < depth) {
      column[whole * kPanel] = 0;
      std::memcpy(column + whole * kPanel, numbers + whole * Words::kNumbers, sizeof(T));
    }
  }
}

/// Packs a matrix as the right operand that sums over its rows. Columns up to the next multiple of kVector
/// become zero.
template <class Words>
void pack_rows(Matrix<typename Words::Element> from, typename Words::Word* to) {
  using Word = typename Words::Word;
  const int64_t depth = words_of<Words>(from.rows), columns = round_up(from.width, kVector);
  for (int64_t n = 0; n < columns; n += kPanel) {
    const int64_t here = columns - n < kPanel ? columns - n : kPanel;
    const int64_t given = from.width - n < here ? from.width - n : here;
    for (int64_t k = 0; k < depth; ++k) {
      Word* words = to + (n * depth + k * kPanel);
      const auto* first = from.data + k * Words::kNumbers * from.stride + n;
      for (int64_t i = 0; i < Words::kNumbers; ++i) fetch_ahead(first + i * from.stride, from.stride, given);
      if constexpr (Words::kNumbers == 1) {
        for (int64_t i = 0; i < given; ++i) words[i] = first[i];
      } else if ((k + 1) * Words::kNumbers > from.rows) {
        for (int64_t i = 0; i < given; ++i) words[i] = first[i].bits;
      } else {
        const auto* second = first + from.stride;
        for (int64_t i = 0; i < given; ++i)
          words[i] = first[i].bits | static_cast<Word>(second[i].bits) << 16;
      }
      for (int64_t i = given; i < here; ++i) words[i] = 0;
    }
  }
}

/// Hands out 64-byte aligned parts of a scratch memory. With no memory it counts what would be handed out.
class Scratch {
 public:
  explicit Scratch(void* memory) : start_(static_cast<char*>(memory)) {}
  template <class T>
  T* take(int64_t count) {
    char* part = start_ + used_;
    used_ += round_up(count * static_cast<int64_t>(sizeof(T)), 64);
    return reinterpret_cast<T*>(part);
  }
  int64_t used_bytes() const { return used_; }

 private:
  char* start_;
  int64_t used_ = 0;
};

}  // namespace
}  // namespace tandem::model::kernels
