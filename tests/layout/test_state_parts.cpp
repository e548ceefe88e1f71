// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/random.h"
#include "tandem/layout/state_parts.h"

namespace tandem::layout {
namespace {

using testing::ElementsAre;

constexpr int kReplicated = TensorSpec::kReplicated;

// Numbers of elements of the global tensor, in the order of the range.
std::vector<int64_t> elements(const TensorSpec& spec, const Slice& box) {
  std::vector<int64_t> numbers{0};
  for (size_t dim = 0; dim < spec.shape.size(); ++dim) {
    std::vector<int64_t> next;
    for (const int64_t base : numbers)
      for (int64_t i = 0; i < box.extent[dim]; ++i)
        next.push_back(base * spec.shape[dim] + box.offset[dim] + i);
    numbers = next;
  }
  return numbers;
}

std::vector<MeshCoordinate> places(const Mesh& mesh) {
  std::vector<MeshCoordinate> all;
  for (int rank = 0; rank < mesh.size(); ++rank) all.push_back(mesh.coordinate_of(rank));
  return all;
}

// Small tensors of every kind, some on several stages; split dims beyond the first divide.
StateLayout random_layout(const CounterRandom& draw) {
  const Mesh mesh({.data = 1 + static_cast<int>(draw.below(0, 5)),
                   .pipeline = 1 + static_cast<int>(draw.below(1, 4)),
                   .tensor = 1 + static_cast<int>(draw.below(2, 5))});
  const auto stages = static_cast<uint64_t>(mesh.extent().pipeline);
  std::vector<TensorSpec> table;
  for (uint64_t i = 0; i < 12; ++i) {
    const CounterRandom one = draw.split("tensor", i);
    TensorSpec spec{.name = fmt::format("t{}", i), .shape = {}, .stages = {}};
    for (uint64_t dim = 0; dim < 1 + one.below(0, 3); ++dim)
      spec.shape.push_back(1 + static_cast<int64_t>(one.below(1 + dim, 9)));
    spec.tensor_dim = static_cast<int>(one.below(5, spec.shape.size() + 1)) - 1;
    if (spec.tensor_dim > 0) spec.shape[static_cast<size_t>(spec.tensor_dim)] *= mesh.extent().tensor;
    std::set<int> on{static_cast<int>(one.below(6, stages))};
    if (one.below(7, 3) == 0) on.insert(static_cast<int>(one.below(8, stages)));
    spec.stages.assign(on.begin(), on.end());
    table.push_back(spec);
  }
  return {.table = table, .mesh = mesh, .max_bucket_elements = 1 + static_cast<int64_t>(draw.below(3, 200))};
}

// Each element with the place in memory that holds it: (bucket, offset) -> (tensor, element).
using Contents = std::map<std::pair<size_t, int64_t>, std::pair<size_t, int64_t>>;

Contents contents_by_boxes(const StateLayout& layout, const MeshCoordinate& place) {
  Contents contents;
  const auto buckets = make_buckets(layout.table, place.pipeline, layout.bucket_rules());
  for (size_t bucket = 0; bucket < buckets.size(); ++bucket)
    for (const ShardSegment& segment : shard_segments(buckets[bucket], place.data))
      for (const PlacedBox& box :
           placed_boxes(layout.table[segment.tensor], place.tensor, layout.mesh.extent().tensor,
                        segment.tensor_offset, segment.num_elements)) {
        int64_t at = segment.shard_offset + box.local_offset - segment.tensor_offset;
        for (const int64_t element : elements(layout.table[segment.tensor], box.global))
          contents[{bucket, at++}] = {segment.tensor, element};
      }
  return contents;
}

void add_contents(const StateLayout& layout, const StatePart& part, Contents& contents) {
  for (const RangeBox& box : boxes_of(part.range)) {
    int64_t at = part.offset + box.offset;
    for (const int64_t element : elements(layout.table[part.tensor], box.box)) {
      const bool is_new =
          contents.emplace(std::pair{part.bucket, at++}, std::pair{part.tensor, element}).second;
      ASSERT_TRUE(is_new) << layout.table[part.tensor].name << to_string(part.range);
    }
  }
}

TEST(StateParts, HeldPartsAreWhatPlacedBoxesOfEachSegmentAre) {
  const CounterRandom random(11, "held");
  for (uint64_t trial = 0; trial < 300; ++trial) {
    const StateLayout layout = random_layout(random.split(trial));
    for (const MeshCoordinate& place : places(layout.mesh)) {
      Contents contents;
      for (const StatePart& part : held_parts(layout, place)) {
        ASSERT_GE(part.range.count, 1);
        add_contents(layout, part, contents);
      }
      ASSERT_EQ(contents, contents_by_boxes(layout, place)) << trial;
    }
  }
}

TEST(StateParts, HeldPartsAscend) {
  const StateLayout layout = random_layout(CounterRandom(12));
  for (const MeshCoordinate& place : places(layout.mesh)) {
    const auto parts = held_parts(layout, place);
    EXPECT_TRUE(std::ranges::is_sorted(parts, std::less{}, &StatePart::tensor));
  }
}

TEST(StateParts, AssignedPartsAreTheHeldOnes) {
  const CounterRandom random(13, "assigned");
  for (uint64_t trial = 0; trial < 300; ++trial) {
    const StateLayout layout = random_layout(random.split(trial));
    for (const MeshCoordinate& place : places(layout.mesh)) {
      Contents held, assigned;
      for (const StatePart& part : held_parts(layout, place)) add_contents(layout, part, held);
      for (const AssignedPart& part : assigned_parts(layout, place))
        add_contents(layout, part.part, assigned);
      ASSERT_EQ(assigned, held) << trial;
    }
  }
}

TEST(StateParts, WrittenPartsOfAllRanksCoverEachElementOnce) {
  const CounterRandom random(14, "written");
  for (uint64_t trial = 0; trial < 300; ++trial) {
    const StateLayout layout = random_layout(random.split(trial));
    std::vector<std::vector<int>> seen;
    for (const TensorSpec& spec : layout.table) seen.emplace_back(num_elements(spec.shape));
    for (const MeshCoordinate& place : places(layout.mesh)) {
      Contents contents;
      for (const StatePart& part : written_parts(layout, place)) add_contents(layout, part, contents);
      for (const auto& [at, what] : contents) ++seen[what.first].at(static_cast<size_t>(what.second));
    }
    for (size_t i = 0; i < seen.size(); ++i)
      ASSERT_THAT(seen[i], testing::Each(1)) << trial << " " << layout.table[i].name;
  }
}

// What a loader relies on: those who meet in a broadcast agree on what it carries and on its order.
TEST(StateParts, ReplicasListWhatTheyShareAlikeAndInOneOrder) {
  const CounterRandom random(15, "replicas");
  for (uint64_t trial = 0; trial < 300; ++trial) {
    const StateLayout layout = random_layout(random.split(trial));
    using Shared = std::vector<std::tuple<size_t, std::string, int>>;  // tensor, range, writer's rank
    std::map<std::vector<int>, Shared> by_group;
    for (const MeshCoordinate& place : places(layout.mesh)) {
      std::map<std::vector<int>, Shared> own;
      for (const auto& [part, writer] : assigned_parts(layout, place)) {
        std::vector<int> group;
        for (const MeshCoordinate& replica : replicas_of(layout.table[part.tensor], layout.mesh, place))
          group.push_back(layout.mesh.rank_of(replica));
        ASSERT_THAT(group, testing::Contains(layout.mesh.rank_of(place)));
        ASSERT_THAT(group, testing::Contains(layout.mesh.rank_of(writer)));
        own[group].emplace_back(part.tensor, to_string(part.range), layout.mesh.rank_of(writer));
      }
      for (const auto& [group, shared] : own) {
        const auto [known, is_new] = by_group.try_emplace(group, shared);
        ASSERT_EQ(known->second, shared) << trial;
      }
    }
  }
}

// No rank writes more than its fair share of what it holds, and one small part of each kind.
TEST(StateParts, LoadIsSpreadOverTheReplicas) {
  const CounterRandom random(16, "spread");
  for (uint64_t trial = 0; trial < 300; ++trial) {
    const StateLayout layout = random_layout(random.split(trial));
    for (const MeshCoordinate& place : places(layout.mesh)) {
      std::map<std::pair<bool, std::vector<int>>, std::pair<int64_t, int64_t>> kinds;  // written, of how many
      for (const auto& [part, writer] : assigned_parts(layout, place)) {
        const TensorSpec& spec = layout.table[part.tensor];
        auto& [written, held] = kinds[{spec.tensor_dim == kReplicated, spec.stages}];
        written += writer == place;
        ++held;
      }
      for (const auto& [kind, counts] : kinds) {
        const int64_t replicas =
            static_cast<int64_t>(kind.second.size()) * (kind.first ? layout.mesh.extent().tensor : 1);
        EXPECT_LE(counts.first, (counts.second + replicas - 1) / replicas) << trial;
      }
    }
  }
}

TEST(StateParts, LargePartsAreCutIntoEqualRunsOverTheirReplicas) {
  const StateLayout layout{
      .table = {{.name = "table", .shape = {1 << 11, 1 << 10}, .tensor_dim = 0, .stages = {0, 2, 3}}},
      .mesh = Mesh({.data = 2, .pipeline = 4, .tensor = 2})};
  int64_t sum = 0;
  for (const int stage : {0, 2, 3}) {
    const auto parts = written_parts(layout, {.data = 1, .pipeline = stage, .tensor = 1});
    ASSERT_EQ(parts.size(), 1u);
    EXPECT_NEAR(static_cast<double>(parts[0].range.count), (1 << 19) / 3.0, 1);
    EXPECT_EQ(parts[0].range.box, (Slice{.offset = {1 << 10, 0}, .extent = {1 << 10, 1 << 10}}));
    EXPECT_EQ(parts[0].offset + (1 << 19), parts[0].range.begin);
    sum += parts[0].range.count;
  }
  EXPECT_EQ(sum, 1 << 19);
  EXPECT_TRUE(written_parts(layout, {.data = 1, .pipeline = 1, .tensor = 1}).empty());
}

TEST(StateParts, RunsOfLargePartsTileTheTensor) {
  const StateLayout layout{
      .table = {{.name = "split", .shape = {6, 999'983}, .tensor_dim = 0, .stages = {0, 1}},
                {.name = "whole", .shape = {3, 700'001}, .stages = {0, 2}},
                {.name = "own", .shape = {5, 300'007}, .stages = {1}}},
      .mesh = Mesh({.data = 2, .pipeline = 3, .tensor = 3})};
  for (size_t tensor = 0; tensor < layout.table.size(); ++tensor) {
    std::map<std::pair<Shape, int64_t>, int64_t> runs;  // box and begin -> end
    int64_t sum = 0, longest = 0;
    for (const MeshCoordinate& place : places(layout.mesh))
      for (const StatePart& part : written_parts(layout, place))
        if (part.tensor == tensor) {
          runs[{part.range.box.offset, part.range.begin}] = part.range.begin + part.range.count;
          sum += part.range.count;
          longest = std::max(longest, part.range.count);
        }
    int64_t at = 0;
    for (const auto& [begin, end] : runs) {
      EXPECT_TRUE(begin.second == at || begin.second == 0) << layout.table[tensor].name;
      at = end;
    }
    EXPECT_EQ(sum, num_elements(layout.table[tensor].shape));
    EXPECT_LT(longest, int64_t{1} << 20) << layout.table[tensor].name;
  }
}

TEST(StateParts, SmallTensorsTakeTurns) {
  std::vector<TensorSpec> table;
  for (int i = 0; i < 8; ++i) table.push_back({.name = fmt::format("norm{}", i), .shape = {16}});
  const StateLayout layout{.table = table, .mesh = Mesh({.data = 1, .pipeline = 1, .tensor = 4})};
  for (int tensor = 0; tensor < 4; ++tensor) {
    std::vector<size_t> tensors;
    for (const StatePart& part : written_parts(layout, {.tensor = tensor})) tensors.push_back(part.tensor);
    EXPECT_THAT(tensors, ElementsAre(tensor, tensor + 4));
  }
}

TEST(StateParts, PaddingBelongsToNobody) {
  const StateLayout layout{.table = {{.name = "table", .shape = {5, 2}, .tensor_dim = 0}},
                           .mesh = Mesh({.data = 1, .pipeline = 1, .tensor = 4})};
  const auto parts = held_parts(layout, {.tensor = 2});
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(to_string(parts[0].range), "[4:5, 0:2]");
  EXPECT_TRUE(held_parts(layout, {.tensor = 3}).empty());
}

}  // namespace
}  // namespace tandem::layout
