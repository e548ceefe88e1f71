// SPDX-License-Identifier: Apache-2.0
#include "tandem/parallel/gradient_norm.h"

#include <cmath>

#include <ATen/ATen.h>

namespace tandem::parallel {

namespace {

template <typename Visit>
void for_each_owned(const BucketStorage& storage, const layout::MeshCoordinate& place, const Visit& visit) {
  for (size_t bucket = 0; bucket < storage.buckets().size(); ++bucket) {
    const at::Tensor shard = storage.shard_gradients(bucket, place.data);
    for (const layout::ShardSegment& segment :
         layout::shard_segments(storage.buckets()[bucket], place.data)) {
      const layout::TensorSpec& spec = storage.specs()[segment.tensor];
      if (!spec.is_owned_at(place)) continue;
      visit(spec, shard.narrow(0, segment.shard_offset, segment.num_elements));
    }
  }
}

}  // namespace

double gradient_norm(const BucketStorage& storage, const layout::MeshCoordinate& place,
                     const comm::Group& world) {
  double squares = 0;
  for_each_owned(storage, place, [&](const layout::TensorSpec&, const at::Tensor& gradient) {
    const double norm = at::linalg_vector_norm(gradient, 2, std::nullopt, false, at::kDouble).item<double>();
    squares += norm * norm;
  });
  at::Tensor sum = at::full({1}, squares, at::kDouble);
  world.all_reduce(sum);
  return std::sqrt(sum.item<double>());
}

std::vector<std::string> non_finite_gradients(const BucketStorage& storage,
                                              const layout::MeshCoordinate& place) {
  std::vector<std::string> names;
  for_each_owned(storage, place, [&](const layout::TensorSpec& spec, const at::Tensor& gradient) {
    if (!at::isfinite(gradient).all().item<bool>()) names.push_back(spec.name);
  });
  return names;
}

void scale_gradients(BucketStorage& storage, const layout::MeshCoordinate& place, double factor) {
  for (size_t bucket = 0; bucket < storage.buckets().size(); ++bucket)
    storage.shard_gradients(bucket, place.data).mul_(factor);
}

}  // namespace tandem::parallel
