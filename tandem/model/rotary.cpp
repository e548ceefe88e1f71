// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/rotary.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <list>
#include <span>
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

std::span<const int64_t> values(const at::Tensor& positions_T) {
  return {positions_T.const_data_ptr<int64_t>(), static_cast<size_t>(positions_T.numel())};
}

at::Tensor turn_kernel(const at::Tensor& x_BTHE, double base, const at::Tensor& positions_T, Turn turn) {
  const int64_t batch = x_BTHE.size(0), length = x_BTHE.size(1), heads = x_BTHE.size(2),
                width = x_BTHE.size(3);
  at::Tensor out = at::empty(x_BTHE.sizes(), x_BTHE.options());
  if (out.numel() == 0) return out;
  const int64_t last_position = std::ranges::max(values(positions_T));
  kernels::with_element(x_BTHE.scalar_type(), [&]<class T>(kernels::Element<T>) {
    using Wide = kernels::Wide<T>;
    const AngleTable<Wide>& table = angles<Wide>(base, width / 2, last_position + 1);
    const kernels::Rotary<T> work{.x = kernels::data<T>(x_BTHE),
                                  .batch_stride = x_BTHE.stride(0),
                                  .time_stride = x_BTHE.stride(1),
                                  .head_stride = x_BTHE.stride(2),
                                  .out = kernels::mutable_data<T>(out),
                                  .positions = positions_T.const_data_ptr<int64_t>(),
                                  .cosine = table.cosine.data(),
                                  .sine = table.sine.data(),
                                  .direction = turn == Turn::kForward ? Wide{1} : Wide{-1},
                                  .length = length,
                                  .heads = heads,
                                  .half = width / 2};
    kernels::for_rows(batch * length, heads * width,
                      [&](kernels::Rows some) { kernels::rotate(work, some); });
  });
  return out;
}

at::Tensor turned(const at::Tensor& x_BTHE, double base, const at::Tensor& positions_T, Turn turn) {
  if (!kernels::know(x_BTHE)) return portable::rotate(x_BTHE, base, positions_T, turn);
  return turn_kernel(x_BTHE.stride(3) == 1 ? x_BTHE : x_BTHE.contiguous(), base, positions_T, turn);
}

struct Rotate : torch::autograd::Function<Rotate> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_BTHE, double base,
                            const at::Tensor& positions_T) {
    context->saved_data["base"] = base;
    context->save_for_backward({positions_T});
    return turned(x_BTHE, base, positions_T, Turn::kForward);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {turned(gradients[0], context->saved_data["base"].toDouble(), context->get_saved_variables()[0],
                   Turn::kBack),
            at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor rotate(const at::Tensor& x_BTHE, double base, const at::Tensor& positions) {
  TANDEM_CHECK(x_BTHE.dim() == 4 && x_BTHE.size(3) % 2 == 0, "rotate: needs [B, T, H, E] with E even");
  const int64_t batch = x_BTHE.size(0), length = x_BTHE.size(1);
  TANDEM_CHECK(positions.scalar_type() == at::kLong && positions.is_cpu() && positions.is_contiguous() &&
                   (positions.sizes() == at::IntArrayRef({length}) ||
                    positions.sizes() == at::IntArrayRef({batch, length})),
               "rotate: needs {} positions, or so many for each row, int64 on the CPU", length);
  TANDEM_CHECK(std::ranges::all_of(values(positions), [](int64_t position) { return position >= 0; }),
               "rotate: a negative position");
  if (positions.dim() == 1) return Rotate::apply(x_BTHE, base, positions);
  // Rows with positions of their own are one row, one after the other.
  return Rotate::apply(x_BTHE.flatten(0, 1).unsqueeze(0), base, positions.flatten()).view(x_BTHE.sizes());
}

}  // namespace tandem::model
