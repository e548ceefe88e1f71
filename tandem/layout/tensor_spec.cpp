// SPDX-License-Identifier: Apache-2.0
#include "tandem/layout/tensor_spec.h"

#include <algorithm>

#include "tandem/base/error.h"

namespace tandem::layout {

bool TensorSpec::is_owned_at(const MeshCoordinate& coordinate) const {
  return owner_stage() == coordinate.pipeline && (tensor_dim != kReplicated || coordinate.tensor == 0);
}

bool TensorSpec::is_on(int stage) const { return std::binary_search(stages.begin(), stages.end(), stage); }

Shape local_shape(const TensorSpec& spec, int num_ranks) {
  TANDEM_CHECK(num_ranks >= 1);
  Shape shape = spec.shape;
  if (spec.tensor_dim != TensorSpec::kReplicated) {
    int64_t& extent = shape.at(static_cast<size_t>(spec.tensor_dim));
    extent = (extent + num_ranks - 1) / num_ranks;
  }
  return shape;
}

Slice local_slice(const TensorSpec& spec, int rank, int num_ranks) {
  TANDEM_CHECK(rank >= 0 && rank < num_ranks, "tensor rank {} of {}", rank, num_ranks);
  Slice slice = whole(local_shape(spec, num_ranks));
  if (spec.tensor_dim != TensorSpec::kReplicated) {
    const auto dim = static_cast<size_t>(spec.tensor_dim);
    const int64_t begin = std::min(slice.extent[dim] * rank, spec.shape[dim]);
    const int64_t end = std::min(slice.extent[dim] * (rank + 1), spec.shape[dim]);
    slice.offset[dim] = begin;
    slice.extent[dim] = end - begin;
  }
  return slice;
}

std::vector<PlacedBox> placed_boxes(const TensorSpec& spec, int rank, int num_ranks, int64_t begin,
                                    int64_t count) {
  const Shape local = local_shape(spec, num_ranks);
  const Slice held = local_slice(spec, rank, num_ranks);
  TANDEM_CHECK(spec.tensor_dim <= 0 || held.extent == local, "{}: only dim 0 may be padded", spec.name);
  std::vector<PlacedBox> placed;
  int64_t at = begin;
  for (const Slice& box : boxes_of_range(local, begin, begin + count)) {
    if (std::optional<Slice> real = intersect(box, whole(held.extent))) {
      for (size_t dim = 0; dim < local.size(); ++dim) real->offset[dim] += held.offset[dim];
      placed.push_back({.global = std::move(*real), .local_offset = at});
    }
    at += box.num_elements();
  }
  return placed;
}

}  // namespace tandem::layout
