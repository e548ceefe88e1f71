// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/manifest.h"
#include "tandem/checkpoint/shard_file.h"

namespace tandem::checkpoint {

/// Where the copies of each file of a step lie, in the manifest's order; of each the nearest first.
using FileCopies = std::vector<std::vector<std::filesystem::path>>;

/// Returns that each file lies in this folder.
FileCopies copies_in(const std::filesystem::path& step_folder, const Manifest& manifest);

/// The shard files of a step, opened when first needed; the few used last stay open. Nothing comes out of
/// them that was not held against its checksum. Thread-safe.
class StepFiles {
 public:
  /// The manifest must outlive this.
  StepFiles(FileCopies copies, const Manifest& manifest);

  /// Returns the number of bytes of a chunk.
  int64_t chunk_size(size_t file, int64_t chunk) const;

  /// Fills `out`, of just its size, with a chunk of the nearest copy of a file that is good there: its size,
  /// the checksums of its header, what that says of step and entries, and the chunk's own checksum. An
  /// EnvironmentError names the file, the bytes, and the tensors that lie there, where no copy is.
  void read_chunk(size_t file, int64_t chunk, std::span<std::byte> out);

  /// Hands over each chunk of a file, in order, as read_chunk reads it. Takes one chunk of memory.
  void read_file(size_t file, const std::function<void(std::span<const std::byte>)>& take);

  /// Returns a line for each copy that was found damaged while another one was good.
  std::vector<std::string> detours() const;

 private:
  struct Copy {
    size_t file = 0;
    size_t number = 0;  // from the nearest on
    auto operator<=>(const Copy&) const = default;
  };
  struct OpenFile {
    Copy copy;
    std::shared_ptr<const ShardFile> shard;
  };
  std::shared_ptr<const ShardFile> open(const Copy& copy);
  void read_copy(const Copy& copy, int64_t chunk, std::span<std::byte> out);
  void read_chunk_of(const ShardFile& shard, size_t file, int64_t chunk, std::span<std::byte> out) const;
  void check_header(const ShardFile& shard, size_t file) const;
  void check_label(const ShardFile& shard) const;
  std::string content_of(size_t file, int64_t begin, int64_t end) const;

  FileCopies copies_;
  const Manifest& manifest_;
  mutable std::mutex mutex_;
  std::list<OpenFile> open_;            // the one used last is first
  std::map<Copy, Failure> unopenable_;  // why
  std::map<Copy, std::string> detours_;
};

/// Returns the name of an entry in a shard file: "moment1/encoder.layer.0.norm/2" for the file's third range
/// of that tensor.
std::string entry_name(Role role, std::string_view tensor, int64_t number);

/// Returns the shape of an entry: the box, where the range is all of it, else as many elements in a row.
layout::Shape entry_shape(const layout::BoxRange& range);

}  // namespace tandem::checkpoint
