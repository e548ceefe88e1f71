// SPDX-License-Identifier: Apache-2.0
#include "tandem/layout/state_parts.h"

#include <algorithm>
#include <map>
#include <utility>

#include "tandem/base/error.h"

namespace tandem::layout {

namespace {

// From 1 MiB of four-byte elements on, a run is long enough to be written by itself at full speed.
constexpr int64_t kCutElements = int64_t{1} << 18;

bool is_split(const TensorSpec& spec) { return spec.tensor_dim != TensorSpec::kReplicated; }

// Says whose turn it is among equal replicas. Those walk through the same parts in the same order, so that
// each of them counts alike. The first turn depends on the place, so that small shared tensors do not all
// fall to the first stage.
class Turns {
 public:
  explicit Turns(const MeshCoordinate& place) : place_(place) {}

  size_t next(const TensorSpec& spec, size_t num_replicas) {
    const int first = place_.data + (is_split(spec) ? place_.tensor : 0);
    const auto [turn, is_new] = turns_.try_emplace({is_split(spec), spec.stages}, static_cast<size_t>(first));
    return turn->second++ % num_replicas;
  }

 private:
  MeshCoordinate place_;
  std::map<std::pair<bool, std::vector<int>>, size_t> turns_;
};

StatePart cut(const StatePart& part, int64_t from, int64_t to) {
  StatePart run = part;
  run.range.begin += from;
  run.range.count = to - from;
  run.offset += from;
  return run;
}

}  // namespace

BucketRules StateLayout::bucket_rules() const {
  return {.data_ranks = mesh.extent().data,
          .tensor_ranks = mesh.extent().tensor,
          .max_elements = max_bucket_elements};
}

std::vector<StatePart> held_parts(const StateLayout& layout, const MeshCoordinate& place) {
  const BucketRules rules = layout.bucket_rules();
  const std::vector<Bucket> buckets = make_buckets(layout.table, place.pipeline, rules);
  std::vector<StatePart> parts;
  for (size_t bucket = 0; bucket < buckets.size(); ++bucket)
    for (const ShardSegment& segment : shard_segments(buckets[bucket], place.data)) {
      const TensorSpec& spec = layout.table[segment.tensor];
      Slice box = local_slice(spec, place.tensor, rules.tensor_ranks);
      // Padding rows come last, so that elements of the local tensor are counted as those of the box.
      TANDEM_CHECK(spec.tensor_dim <= 0 || box.extent == local_shape(spec, rules.tensor_ranks),
                   "{}: only dim 0 may be padded", spec.name);
      const int64_t end = std::min(segment.tensor_offset + segment.num_elements, box.num_elements());
      if (segment.tensor_offset >= end) continue;
      parts.push_back({.tensor = segment.tensor,
                       .range = {.box = std::move(box),
                                 .begin = segment.tensor_offset,
                                 .count = end - segment.tensor_offset},
                       .bucket = bucket,
                       .offset = segment.shard_offset});
    }
  return parts;
}

std::vector<MeshCoordinate> replicas_of(const TensorSpec& spec, const Mesh& mesh,
                                        const MeshCoordinate& place) {
  std::vector<MeshCoordinate> replicas;
  for (const int stage : spec.stages)
    for (int tensor = 0; tensor < mesh.extent().tensor; ++tensor)
      if (!is_split(spec) || tensor == place.tensor)
        replicas.push_back({.data = place.data, .pipeline = stage, .tensor = tensor});
  return replicas;
}

std::vector<AssignedPart> assigned_parts(const StateLayout& layout, const MeshCoordinate& place) {
  std::vector<AssignedPart> assigned;
  Turns turns(place);
  for (StatePart& part : held_parts(layout, place)) {
    const TensorSpec& spec = layout.table[part.tensor];
    const std::vector<MeshCoordinate> replicas = replicas_of(spec, layout.mesh, place);
    const int64_t count = part.range.count, runs = static_cast<int64_t>(replicas.size());
    if (runs == 1 || count < kCutElements) {
      const size_t turn = turns.next(spec, replicas.size());
      assigned.push_back({.part = std::move(part), .writer = replicas[turn]});
      continue;
    }
    for (int64_t run = 0; run < runs; ++run)
      assigned.push_back({.part = cut(part, count * run / runs, count * (run + 1) / runs),
                          .writer = replicas[static_cast<size_t>(run)]});
  }
  return assigned;
}

std::vector<StatePart> written_parts(const StateLayout& layout, const MeshCoordinate& place) {
  std::vector<StatePart> parts;
  for (AssignedPart& assigned : assigned_parts(layout, place))
    if (assigned.writer == place) parts.push_back(std::move(assigned.part));
  return parts;
}

}  // namespace tandem::layout
