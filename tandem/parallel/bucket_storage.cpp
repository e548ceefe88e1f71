// SPDX-License-Identifier: Apache-2.0
#include "tandem/parallel/bucket_storage.h"

#include <ATen/ATen.h>

#include "tandem/base/error.h"

namespace tandem::parallel {

BucketStorage::BucketStorage(const std::vector<layout::TensorSpec>& specs, int stage,
                             const layout::BucketRules& rules, StorageTypes types)
    : specs_(specs),
      stage_(stage),
      tensor_ranks_(rules.tensor_ranks),
      types_(types),
      buckets_(layout::make_buckets(specs, stage, rules)) {
  for (const layout::Bucket& bucket : buckets_) {
    values_.push_back(at::zeros({bucket.num_elements}, types.compute));
    gradients_.push_back(at::zeros({bucket.num_elements}, types.accumulation));
  }
}

size_t BucketStorage::bucket_of(size_t index) const {
  for (size_t bucket = 0; bucket < buckets_.size(); ++bucket)
    for (const layout::BucketEntry& entry : buckets_[bucket].entries)
      if (entry.tensor == index) return bucket;
  throw BugError("{} is not on stage {}", specs_.at(index).name, stage_);
}

at::Tensor BucketStorage::view(size_t index, const std::vector<at::Tensor>& flat) const {
  const size_t bucket = bucket_of(index);
  for (const layout::BucketEntry& entry : buckets_[bucket].entries)
    if (entry.tensor == index)
      return flat[bucket]
          .narrow(0, entry.offset, entry.num_elements)
          .view(layout::local_shape(specs_[index], tensor_ranks_));
  throw BugError("{} is not in bucket {}", specs_[index].name, bucket);
}

at::Tensor BucketStorage::shard_gradients(size_t bucket, int data_rank) const {
  const int64_t shard = buckets_[bucket].shard_elements;
  return gradients_[bucket].narrow(0, shard * data_rank, shard);
}

void BucketStorage::zero_gradients() {
  for (at::Tensor& gradients : gradients_) gradients.zero_();
}

}  // namespace tandem::parallel
