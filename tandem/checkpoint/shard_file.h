// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tandem/checkpoint/data_type.h"
#include "tandem/checkpoint/file.h"
#include "tandem/layout/slice.h"

namespace tandem::checkpoint {

/// Says what a shard file belongs to; stored in its header.
struct ShardLabel {
  std::string run_id;
  int64_t step = 0;
  int64_t generation = 0;
  int writer = 0;  ///< rank
};

/// Bytes to be stored under a name, row-major. The bytes are not owned.
struct NewEntry {
  std::string name;
  DataType type = DataType::kF32;
  layout::Shape shape;
  std::span<const std::byte> bytes;
};

/// Where the entries came to lie.
struct WrittenShard {
  int64_t file_bytes = 0;
  std::vector<int64_t> positions;  ///< first byte of each entry, counted in the file
};

/// Writes a safetensors file and syncs it to the disk. Its bytes are a function of label and entries alone;
/// they stream from the caller's buffers, only the header is built in memory. The file must not be there yet.
/// An EnvironmentError names the path; what was written so far stays for the caller to remove.
WrittenShard write_shard(const std::filesystem::path& path, const ShardLabel& label,
                         std::span<const NewEntry> entries);

/// An entry as the header of a file describes it.
struct ShardEntry {
  DataType type = DataType::kF32;
  layout::Shape shape;
  int64_t position = 0;  ///< first byte, counted in the file
  int64_t bytes = 0;
  bool operator==(const ShardEntry&) const = default;
};

/// A safetensors file, opened for reading and its header checked: sizes inside the file, no hole, no overlap,
/// no unknown type, no name twice. EnvironmentError otherwise. Thread-safe.
class ShardFile {
 public:
  static ShardFile open(const std::filesystem::path& path);

  const std::map<std::string, ShardEntry>& entries() const { return entries_; }
  /// Returns the texts of `__metadata__`.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::filesystem::path& path() const { return file_.path(); }

  /// Fills `out` from the byte at `position` of the file on.
  void read_at(int64_t position, std::span<std::byte> out) const { file_.read_at(position, out); }

 private:
  explicit ShardFile(File file) : file_(std::move(file)) {}

  File file_;
  std::map<std::string, ShardEntry> entries_;
  std::map<std::string, std::string> metadata_;
};

/// Returns the texts that `write_shard` puts into `__metadata__`.
std::map<std::string, std::string> metadata_of(const ShardLabel& label);

}  // namespace tandem::checkpoint
