// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "tandem/layout/tensor_spec.h"

namespace tandem::layout {

/// Where one tensor of a stage lies inside a bucket. `tensor` indexes the stage's list of specs.
struct BucketEntry {
  size_t tensor = 0;
  int64_t offset = 0;
  int64_t num_elements = 0;  ///< of the local shape, padding included
};

/// A run of local tensors, laid out one behind another, whose gradients are reduced together over the data
/// axis. The bucket is padded so that every data rank owns an equal part: elements [rank * shard_elements, …
/// + shard_elements).
struct Bucket {
  std::vector<BucketEntry> entries;
  int64_t num_elements = 0;    ///< padded
  int64_t shard_elements = 0;  ///< num_elements / data ranks
  /// Stages that hold this bucket: more than one for a tensor shared by stages, which then is the bucket's
  /// only one, so that its parts lie alike on all its holders.
  std::vector<int> stages;
};

/// A piece of one tensor inside a data rank's part of a bucket.
struct ShardSegment {
  size_t tensor = 0;
  int64_t shard_offset = 0;   ///< first element, counted in the data rank's part
  int64_t tensor_offset = 0;  ///< first element, counted in the local tensor
  int64_t num_elements = 0;
};

struct BucketRules {
  int data_ranks = 1;
  int tensor_ranks = 1;
  int64_t max_elements = int64_t{8} << 20;  ///< a bucket is closed once it holds this many
};

/// Lays the tensors of `stage` into buckets, in the order of `specs`. Tensors that are not on the stage are
/// left out.
std::vector<Bucket> make_buckets(const std::vector<TensorSpec>& specs, int stage, const BucketRules& rules);

/// Lists what data rank `data_rank` owns of a bucket, in ascending order, padding at the bucket's end left
/// out.
std::vector<ShardSegment> shard_segments(const Bucket& bucket, int data_rank);

}  // namespace tandem::layout
