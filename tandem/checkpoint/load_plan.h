// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tandem/checkpoint/box_copy.h"
#include "tandem/checkpoint/manifest.h"

namespace tandem::checkpoint {

/// Elements that a reader wants.
struct Wanted {
  size_t tensor = 0;  ///< index in Manifest::tensors
  size_t role = 0;    ///< index in the step's roles
  layout::BoxRange range;
};

/// Elements that one stretch of a file and one wanted range share.
struct Transfer {
  size_t wanted = 0;     ///< index in the list of what is wanted
  size_t role = 0;       ///< index in the step's roles
  BoxCopy elements;      ///< source: the stretch; target: a box of what is wanted
  int64_t position = 0;  ///< first byte of the stretch, counted in the file
  int64_t element_bytes = 0;
  int64_t target = 0;  ///< first element of the target box, counted in the wanted range

  /// Returns the byte of a shared element, counted in the file. Ascends with the element.
  int64_t byte_of(int64_t element) const {
    return position + elements.source_run(element).offset * element_bytes;
  }
  /// Returns the first shared element that lies at `byte` of the file or behind; their number if none does.
  int64_t first_from(int64_t byte) const;
};

/// A chunk of a file, and a transfer that takes elements from it.
struct ChunkUse {
  int64_t chunk = 0;
  size_t transfer = 0;
  auto operator<=>(const ChunkUse&) const = default;
};

/// What is to be read of one file.
struct FilePlan {
  size_t file = 0;
  std::vector<Transfer> transfers;
  std::vector<ChunkUse> uses;   ///< by chunk, then by transfer, ascending
  std::vector<int64_t> chunks;  ///< those that hold wanted bytes, ascending

  /// Returns the uses of a chunk.
  std::span<const ChunkUse> uses_of(int64_t chunk) const;
};

/// What is to be read so that each wanted element is filled once.
struct LoadPlan {
  std::vector<FilePlan> files;  ///< in the manifest's order

  /// Returns the bytes of all chunks that are read.
  int64_t bytes_read(const Manifest& manifest) const;
};

/// Finds what a manifest's files hold of tensors, without touching them.
class Planner {
 public:
  /// The manifest must outlive this.
  explicit Planner(const Manifest& manifest);

  /// Plans the reading of `wanted`. Pure: depends on the manifest and on `wanted` alone. BugError for a range
  /// outside its tensor. Takes time in proportion to the stored ranges of the wanted tensors.
  LoadPlan plan(std::span<const Wanted> wanted) const;

 private:
  struct Place {
    size_t file = 0;
    size_t range = 0;
    layout::Slice bounds;
  };
  const Manifest& manifest_;
  std::vector<std::vector<Place>> places_;  // of each tensor
};

}  // namespace tandem::checkpoint
