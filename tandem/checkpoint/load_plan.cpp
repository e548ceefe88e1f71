// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/load_plan.h"

#include <algorithm>
#include <map>
#include <utility>

#include "tandem/base/error.h"

namespace tandem::checkpoint {

namespace {

using layout::BoxRange;
using layout::RangeBox;
using layout::Slice;

// A stretch of shared elements, before it is known whose it is.
struct Shared {
  BoxCopy elements;
  int64_t source = 0, target = 0;  // first element of each box, counted in its range
};

std::vector<Shared> shared_elements(const BoxRange& stored, const BoxRange& wanted) {
  std::vector<Shared> shared;
  const auto add = [&](const RangeBox& source, const RangeBox& target) {
    if (auto elements = BoxCopy::between(source.box, target.box))
      shared.push_back({.elements = std::move(*elements), .source = source.offset, .target = target.offset});
  };
  if (stored.box == wanted.box) {
    // Then both count the same elements: the ranges are boxes of one line.
    const auto line = [](const BoxRange& range) {
      return RangeBox{.box = {.offset = {range.begin}, .extent = {range.count}}};
    };
    add(line(stored), line(wanted));
    return shared;
  }
  const std::vector<RangeBox> targets = layout::boxes_of(wanted);
  for (const RangeBox& source : layout::boxes_of(stored))
    for (const RangeBox& target : targets) add(source, target);
  return shared;
}

void add_uses(const std::vector<Transfer>& transfers, int64_t chunk_bytes, std::vector<ChunkUse>& uses) {
  const Transfer& transfer = transfers.back();
  for (int64_t element = 0; element < transfer.elements.num_elements();) {
    const int64_t chunk = transfer.byte_of(element) / chunk_bytes;
    uses.push_back({.chunk = chunk, .transfer = transfers.size() - 1});
    element = transfer.first_from((chunk + 1) * chunk_bytes);
  }
}

}  // namespace

int64_t Transfer::first_from(int64_t byte) const {
  int64_t low = 0, high = elements.num_elements();
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (byte_of(middle) >= byte)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

std::span<const ChunkUse> FilePlan::uses_of(int64_t chunk) const {
  const auto begin = std::ranges::lower_bound(uses, chunk, {}, &ChunkUse::chunk);
  const auto end = std::ranges::upper_bound(uses, chunk, {}, &ChunkUse::chunk);
  return {begin, end};
}

int64_t LoadPlan::bytes_read(const Manifest& manifest) const {
  int64_t bytes = 0;
  for (const FilePlan& file : files)
    for (const int64_t chunk : file.chunks)
      bytes += std::min(manifest.chunk_bytes, manifest.files[file.file].bytes - chunk * manifest.chunk_bytes);
  return bytes;
}

Planner::Planner(const Manifest& manifest) : manifest_(manifest), places_(manifest.tensors.size()) {
  for (size_t file = 0; file < manifest.files.size(); ++file)
    for (size_t range = 0; range < manifest.files[file].ranges.size(); ++range) {
      const StoredRange& stored = manifest.files[file].ranges[range];
      places_[stored.tensor].push_back(
          {.file = file, .range = range, .bounds = layout::bounding_box(stored.range)});
    }
}

LoadPlan Planner::plan(std::span<const Wanted> wanted) const {
  std::map<size_t, FilePlan> files;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const auto& [tensor, role, range] = wanted[i];
    if (range.count == 0) continue;
    const Slice bounds = layout::bounding_box(range);
    TANDEM_CHECK(layout::intersect(bounds, layout::whole(manifest_.tensors.at(tensor).shape)) == bounds,
                 "{} of {}", layout::to_string(range), manifest_.tensors[tensor].name);
    const int64_t element_bytes = size_bytes(manifest_.description.roles.at(role).type);
    int64_t found = 0;
    for (const Place& place : places_[tensor]) {
      if (!layout::intersect(place.bounds, bounds)) continue;
      const StoredFile& file = manifest_.files[place.file];
      const StoredRange& stored = file.ranges[place.range];
      const int64_t position = manifest_.position_of(file, stored, role);
      for (Shared& shared : shared_elements(stored.range, range)) {
        found += shared.elements.num_elements();
        FilePlan& plan = files[place.file];
        plan.transfers.push_back({.wanted = i,
                                  .role = role,
                                  .elements = std::move(shared.elements),
                                  .position = position + shared.source * element_bytes,
                                  .element_bytes = element_bytes,
                                  .target = shared.target});
        add_uses(plan.transfers, manifest_.chunk_bytes, plan.uses);
      }
    }
    // Stored ranges cover each element once, so those found do too if they are as many as are wanted.
    TANDEM_CHECK(found == range.count, "{} of {} elements of {} are stored", found, range.count,
                 manifest_.tensors[tensor].name);
  }
  LoadPlan plan;
  for (auto& [file, part] : files) {
    part.file = file;
    std::sort(part.uses.begin(), part.uses.end());
    for (const ChunkUse& use : part.uses)
      if (part.chunks.empty() || part.chunks.back() != use.chunk) part.chunks.push_back(use.chunk);
    plan.files.push_back(std::move(part));
  }
  return plan;
}

}  // namespace tandem::checkpoint
