// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "tandem/base/error.h"
#include "tandem/model/kernels/number.h"

/// From tensors to kernels: element types, pointers, threads.
namespace tandem::model::kernels {

/// Returns whether the kernels know this tensor's device and type.
inline bool know(const at::Tensor& x) {
  const at::ScalarType type = x.scalar_type();
  return x.is_cpu() && (type == at::kFloat || type == at::kBFloat16 || type == at::kDouble);
}

template <class T>
struct Element {
  using Type = T;
};

/// Calls `work` with the Element of a type that the kernels know.
template <class Work>
void with_element(at::ScalarType type, Work&& work) {
  switch (type) {
    case at::kFloat:
      return work(Element<float>());
    case at::kDouble:
      return work(Element<double>());
    default:
      return work(Element<Bfloat16>());
  }
}

/// Returns where a tensor's elements start, as T.
template <class T>
const T* data(const at::Tensor& x) {
  TANDEM_CHECK(x.element_size() == sizeof(T), "{} bytes an element, not {}", x.element_size(), sizeof(T));
  return static_cast<const T*>(x.const_data_ptr());
}
template <class T>
T* mutable_data(const at::Tensor& x) {
  TANDEM_CHECK(x.element_size() == sizeof(T), "{} bytes an element, not {}", x.element_size(), sizeof(T));
  return static_cast<T*>(x.mutable_data_ptr());
}

/// Calls `work(Rows)` on the threads of ATen for shares of `rows` rows, each row with `width` elements.
template <class Work>
void for_rows(int64_t rows, int64_t width, Work&& work) {
  constexpr int64_t kElements = 16384;  // what is worth handing to a thread
  const int64_t grain = std::max<int64_t>(1, kElements / std::max<int64_t>(1, width));
  at::parallel_for(0, rows, grain, [&](int64_t begin, int64_t end) { work(Rows{begin, end}); });
}

/// Returns the number of rows of a tensor seen as a matrix of its last dim.
inline int64_t rows_of(const at::Tensor& x) { return x.size(-1) == 0 ? 0 : x.numel() / x.size(-1); }

}  // namespace tandem::model::kernels
