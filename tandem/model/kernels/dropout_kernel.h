// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tandem/model/kernels/number.h"

namespace tandem::model::kernels {

/// One row of `width` elements of a dropout: element c is dropped if word (first_word + c) of the Philox
/// stream `key` (word i is word i % 4 of base/random.h's words(i / 4)) is at most `last_dropped`. T is float,
/// double or Bfloat16.
template <class T>
struct DropRow {
  const T* x;
  const T* residual;  ///< added to the kept and scaled x; null: nothing
  T* out;
  int64_t width;
  uint64_t key;
  uint64_t first_word;
  uint32_t last_dropped;
  Wide<T> scale;  ///< of what is kept
};
void drop(const DropRow<float>& work);
void drop(const DropRow<double>& work);
void drop(const DropRow<Bfloat16>& work);

}  // namespace tandem::model::kernels
