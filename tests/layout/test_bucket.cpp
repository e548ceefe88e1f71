// SPDX-License-Identifier: Apache-2.0
#include <map>

#include <gtest/gtest.h>

#include "tandem/layout/bucket.h"

namespace tandem::layout {
namespace {

std::vector<TensorSpec> specs() {
  return {{.name = "table", .shape = {11, 7}, .tensor_dim = 0, .stages = {0, 2}},
          {.name = "a", .shape = {6, 7}, .tensor_dim = 0, .stages = {0}},
          {.name = "b", .shape = {7}, .stages = {0}},
          {.name = "bias", .shape = {4, 2}, .tensor_dim = 1, .stages = {0, 1}},
          {.name = "c", .shape = {3, 7}, .stages = {0}},
          {.name = "d", .shape = {3, 7}, .stages = {1}}};
}

TEST(Bucket, SharedTensorsHaveABucketOfTheirOwn) {
  const auto buckets = make_buckets(specs(), 0, {.data_ranks = 2, .tensor_ranks = 1, .max_elements = 1000});
  ASSERT_EQ(buckets.size(), 4u);
  EXPECT_EQ(buckets[0].stages, (std::vector<int>{0, 2}));
  EXPECT_EQ(buckets[1].entries.size(), 2u);
  EXPECT_EQ(buckets[2].stages, (std::vector<int>{0, 1}));
  EXPECT_EQ(buckets[3].entries.size(), 1u);
  // All holders lay it out alike.
  const auto other = make_buckets(specs(), 1, {.data_ranks = 2, .tensor_ranks = 1, .max_elements = 1000});
  ASSERT_EQ(other.size(), 2u);
  EXPECT_EQ(other[0].num_elements, buckets[2].num_elements);
}

TEST(Bucket, SegmentsOfAllDataRanksCoverEachElementOnce) {
  for (const int data_ranks : {1, 2, 3, 5})
    for (const int64_t max_elements : {1, 20, 1000}) {
      std::map<size_t, std::vector<int>> seen;
      const auto all = specs();
      for (const Bucket& bucket : make_buckets(
               all, 0, {.data_ranks = data_ranks, .tensor_ranks = 2, .max_elements = max_elements})) {
        EXPECT_EQ(bucket.shard_elements * data_ranks, bucket.num_elements);
        for (const BucketEntry& entry : bucket.entries) seen[entry.tensor].resize(entry.num_elements);
        for (int rank = 0; rank < data_ranks; ++rank)
          for (const ShardSegment& segment : shard_segments(bucket, rank)) {
            EXPECT_LE(segment.shard_offset + segment.num_elements, bucket.shard_elements);
            for (int64_t i = 0; i < segment.num_elements; ++i)
              ++seen[segment.tensor].at(segment.tensor_offset + i);
          }
      }
      ASSERT_EQ(seen.size(), 5u);
      for (const auto& [tensor, count] : seen) {
        EXPECT_EQ(static_cast<int64_t>(count.size()), num_elements(local_shape(all[tensor], 2)));
        for (const int n : count) EXPECT_EQ(n, 1) << all[tensor].name;
      }
    }
}

}  // namespace
}  // namespace tandem::layout
