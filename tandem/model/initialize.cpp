// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/initialize.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "tandem/base/random.h"

namespace tandem::model {

namespace {

// Row-major number, in the global tensor, of the first element of each row of the box.
std::vector<int64_t> row_starts(const layout::Shape& shape, const layout::Slice& box) {
  std::vector<int64_t> starts{0};
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    const bool last = dim + 1 == shape.size();
    std::vector<int64_t> next;
    for (const int64_t start : starts)
      for (int64_t i = 0; i < (last ? 1 : box.extent[dim]); ++i)
        next.push_back(start * shape[dim] + box.offset[dim] + i);
    starts = std::move(next);
  }
  return starts;
}

template <typename Value>
void fill(const layout::TensorSpec& spec, uint64_t seed, const layout::PlacedBox& box, Value* out) {
  const CounterRandom random(seed, "initial", std::string_view(spec.name));
  const int64_t width = box.global.extent.back();
  const int64_t leading = layout::num_elements(spec.shape) / spec.shape.front();
  const std::vector<int64_t> starts = row_starts(spec.shape, box.global);
  at::parallel_for(0, static_cast<int64_t>(starts.size()), 64, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t start = starts[static_cast<size_t>(row)];
      const auto& deviations = spec.initial_deviation;
      const double deviation = deviations[deviations.size() == 1 ? 0 : static_cast<size_t>(start / leading)];
      for (int64_t i = 0; i < width; ++i)
        out[row * width + i] = static_cast<Value>(
            deviation == 0 ? spec.initial_mean
                           : spec.initial_mean + deviation * random.normal(static_cast<uint64_t>(start + i)));
    }
  });
}

}  // namespace

at::Tensor initial_values(const layout::TensorSpec& spec, uint64_t seed, int rank, int num_ranks,
                          at::ScalarType type) {
  const layout::Shape local = layout::local_shape(spec, num_ranks);
  at::Tensor values = at::zeros(local, type);
  for (const layout::PlacedBox& box : layout::placed_boxes(spec, rank, num_ranks, 0, values.numel()))
    AT_DISPATCH_FLOATING_TYPES(type, "initial_values", [&] {
      fill(spec, seed, box, values.data_ptr<scalar_t>() + box.local_offset);
    });
  return values;
}

}  // namespace tandem::model
