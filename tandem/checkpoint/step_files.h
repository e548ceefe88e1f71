// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "tandem/checkpoint/manifest.h"
#include "tandem/checkpoint/shard_file.h"

namespace tandem::checkpoint {

/// The shard files of a step, opened when first needed; the few used last stay open. Nothing comes out of
/// them that was not held against its checksum. Thread-safe.
class StepFiles {
 public:
  /// The manifest must outlive this.
  StepFiles(std::filesystem::path folder, const Manifest& manifest);

  /// Returns the path of a file.
  std::filesystem::path path_of(size_t file) const { return folder_ / manifest_.files.at(file).name; }

  /// Opens a file, unless it is open, and checks its size, the checksums of its header, and that the header
  /// says just what the manifest says: run, step, entries. An EnvironmentError names what differs.
  std::shared_ptr<const ShardFile> open(size_t file);

  /// Returns the number of bytes of a chunk.
  int64_t chunk_size(size_t file, int64_t chunk) const;

  /// Fills `out` with a chunk of an open file, of just its size, and checks its checksum. An EnvironmentError
  /// names the file, the bytes, and the tensors that lie there.
  void read_chunk(const ShardFile& shard, size_t file, int64_t chunk, std::span<std::byte> out) const;

 private:
  struct OpenFile {
    size_t file;
    std::shared_ptr<const ShardFile> shard;
  };
  void check_header(const ShardFile& shard, size_t file) const;
  void check_label(const ShardFile& shard) const;
  std::string content_of(size_t file, int64_t begin, int64_t end) const;

  std::filesystem::path folder_;
  const Manifest& manifest_;
  std::mutex mutex_;
  std::list<OpenFile> open_;  // the one used last is first
};

/// Returns the name of an entry in a shard file: "moment1/encoder.layer.0.norm/2" for the file's third range
/// of that tensor.
std::string entry_name(Role role, std::string_view tensor, int64_t number);

/// Returns the shape of an entry: the box, where the range is all of it, else as many elements in a row.
layout::Shape entry_shape(const layout::BoxRange& range);

}  // namespace tandem::checkpoint
