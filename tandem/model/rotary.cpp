// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/rotary.h"

#include <bit>
#include <cmath>
#include <list>
#include <vector>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "tandem/base/error.h"
#include "tandem/model/kernels/dispatch.h"
#include "tandem/model/kernels/rotary_kernel.h"
#include "tandem/model/portable.h"

namespace tandem::model {

namespace {

using portable::Turn;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Cosines and sines of positions [0, length), rows of `half`.
template <class Wide>
struct AngleTable {
  double base;
  int64_t half;
  int64_t length = 0;
  std::vector<Wide> cosine, sine;

  void grow(int64_t positions) {
    if (positions <= length) return;
    length = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(positions)));
    cosine.resize(static_cast<size_t>(length * half));
    sine.resize(cosine.size());
    for (int64_t j = 0; j < half; ++j) {
      const double frequency = std::pow(base, -static_cast<double>(j) / static_cast<double>(half));
      for (int64_t t = 0; t < length; ++t) {
        cosine[static_cast<size_t>(t * half + j)] =
            static_cast<Wide>(std::cos(static_cast<double>(t) * frequency));
        sine[static_cast<size_t>(t * half + j)] =
            static_cast<Wide>(std::sin(static_cast<double>(t) * frequency));
      }
    }
  }
};

// Sines of a whole table cost more than turning a batch: each thread keeps its tables.
template <class Wide>
const AngleTable<Wide>& angles(double base, int64_t half, int64_t positions) {
  thread_local std::list<AngleTable<Wide>> tables;
  for (AngleTable<Wide>& table : tables) {
    if (table.base != base || table.half != half) continue;
    table.grow(positions);
    return table;
  }
  tables.push_front({.base = base, .half = half});
  tables.front().grow(positions);
  return tables.front();
}

at::Tensor turn_kernel(const at::Tensor& x_BTHE, double base, int64_t first_position, Turn turn) {
  const int64_t batch = x_BTHE.size(0), length = x_BTHE.size(1), heads = x_BTHE.size(2),
                width = x_BTHE.size(3);
  at::Tensor out = at::empty(x_BTHE.sizes(), x_BTHE.options());
  kernels::with_element(x_BTHE.scalar_type(), [&]<class T>(kernels::Element<T>) {
    using Wide = kernels::Wide<T>;
    const AngleTable<Wide>& table = angles<Wide>(base, width / 2, first_position + length);
    const kernels::Rotary<T> work{.x = kernels::data<T>(x_BTHE),
                                  .batch_stride = x_BTHE.stride(0),
                                  .time_stride = x_BTHE.stride(1),
                                  .head_stride = x_BTHE.stride(2),
                                  .out = kernels::mutable_data<T>(out),
                                  .cosine = table.cosine.data() + first_position * (width / 2),
                                  .sine = table.sine.data() + first_position * (width / 2),
                                  .direction = turn == Turn::kForward ? Wide{1} : Wide{-1},
                                  .length = length,
                                  .heads = heads,
                                  .half = width / 2};
    kernels::for_rows(batch * length, heads * width,
                      [&](kernels::Rows some) { kernels::rotate(work, some); });
  });
  return out;
}

at::Tensor turned(const at::Tensor& x_BTHE, double base, int64_t first_position, Turn turn) {
  if (!kernels::know(x_BTHE)) return portable::rotate(x_BTHE, base, first_position, turn);
  return turn_kernel(x_BTHE.stride(3) == 1 ? x_BTHE : x_BTHE.contiguous(), base, first_position, turn);
}

struct Rotate : torch::autograd::Function<Rotate> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_BTHE, double base,
                            int64_t first_position) {
    context->saved_data["base"] = base;
    context->saved_data["first_position"] = first_position;
    return turned(x_BTHE, base, first_position, Turn::kForward);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {turned(gradients[0], context->saved_data["base"].toDouble(),
                   context->saved_data["first_position"].toInt(), Turn::kBack),
            at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor rotate(const at::Tensor& x_BTHE, double base, int64_t first_position) {
  TANDEM_CHECK(x_BTHE.dim() == 4 && x_BTHE.size(3) % 2 == 0, "rotate: needs [B, T, H, E] with E even");
  TANDEM_CHECK(first_position >= 0, "rotate: position {}", first_position);
  return Rotate::apply(x_BTHE, base, first_position);
}

}  // namespace tandem::model
