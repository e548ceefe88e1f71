// SPDX-License-Identifier: Apache-2.0
#include "tandem/layout/bucket.h"

#include <algorithm>

#include "tandem/base/error.h"

namespace tandem::layout {

namespace {

// Each part starts on a cache line whatever the element size.
constexpr int64_t kAlignElements = 16;

int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

void close(Bucket& bucket, int data_ranks) {
  bucket.shard_elements = round_up((bucket.num_elements + data_ranks - 1) / data_ranks, kAlignElements);
  bucket.num_elements = bucket.shard_elements * data_ranks;
}

}  // namespace

std::vector<Bucket> make_buckets(const std::vector<TensorSpec>& specs, int stage, const BucketRules& rules) {
  TANDEM_CHECK(rules.data_ranks >= 1 && rules.tensor_ranks >= 1 && rules.max_elements >= 1);
  std::vector<Bucket> buckets;
  bool open = false;
  for (size_t i = 0; i < specs.size(); ++i) {
    const TensorSpec& spec = specs[i];
    if (!spec.is_on(stage)) continue;
    if (!open || spec.is_shared()) buckets.push_back({.entries = {}, .stages = spec.stages});
    Bucket& bucket = buckets.back();
    const int64_t elements = num_elements(local_shape(spec, rules.tensor_ranks));
    bucket.entries.push_back({.tensor = i, .offset = bucket.num_elements, .num_elements = elements});
    bucket.num_elements = round_up(bucket.num_elements + elements, kAlignElements);
    open = !spec.is_shared() && bucket.num_elements < rules.max_elements;
  }
  for (Bucket& bucket : buckets) close(bucket, rules.data_ranks);
  return buckets;
}

std::vector<ShardSegment> shard_segments(const Bucket& bucket, int data_rank) {
  const int64_t begin = bucket.shard_elements * data_rank, end = begin + bucket.shard_elements;
  std::vector<ShardSegment> segments;
  for (const BucketEntry& entry : bucket.entries) {
    const int64_t from = std::max(begin, entry.offset), to = std::min(end, entry.offset + entry.num_elements);
    if (from >= to) continue;
    segments.push_back({.tensor = entry.tensor,
                        .shard_offset = from - begin,
                        .tensor_offset = from - entry.offset,
                        .num_elements = to - from});
  }
  return segments;
}

}  // namespace tandem::layout
