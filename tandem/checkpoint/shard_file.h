// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tandem/checkpoint/byte_source.h"
#include "tandem/checkpoint/data_type.h"
#include "tandem/checkpoint/file.h"
#include "tandem/layout/slice.h"

namespace tandem::checkpoint {

/// Says what a shard file belongs to; stored in its header. Not the run: equal runs have equal files.
struct ShardLabel {
  int64_t step = 0;
  int64_t generation = 0;
  int writer = 0;  ///< rank
};

/// Bytes to be stored under a name, row-major.
struct NewEntry {
  std::string name;
  DataType type = DataType::kF32;
  layout::Shape shape;
  ByteSource bytes;
};

/// What came to lie in the file.
struct WrittenShard {
  int64_t file_bytes = 0;
  int64_t data_begin = 0;            ///< bytes of the header; the entries follow one behind another
  std::vector<uint32_t> chunk_sums;  ///< CRC32C of each chunk of the file
};

/// Writes a safetensors file and syncs it to the disk. Its bytes are a function of label and entries alone;
/// each block is added to its chunk's checksum before it is written. Takes memory for the header and, where
/// entries do not lie in memory, for one block. The file must not be there yet. An EnvironmentError names the
/// path; what was written so far stays for the caller to remove.
WrittenShard write_shard(const std::filesystem::path& path, const ShardLabel& label,
                         std::span<const NewEntry> entries, int64_t chunk_bytes);

/// An entry as the header of a file describes it.
struct ShardEntry {
  DataType type = DataType::kF32;
  layout::Shape shape;
  int64_t position = 0;  ///< first byte, counted in the file
  int64_t bytes = 0;
  bool operator==(const ShardEntry&) const = default;
};

/// A safetensors file, opened for reading. Thread-safe once its header is read.
class ShardFile {
 public:
  /// Opens a file and reads its header, as `read_header`.
  static ShardFile open(const std::filesystem::path& path);
  /// Opens a file whose header is still to be read.
  static ShardFile open_unread(const std::filesystem::path& path) { return ShardFile(File::open(path)); }

  /// Reads the header and checks it: sizes inside the file, no hole, no overlap, no unknown type, no name
  /// twice. EnvironmentError otherwise.
  void read_header();

  const std::map<std::string, ShardEntry>& entries() const { return entries_; }
  /// Returns the texts of `__metadata__`.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::filesystem::path& path() const { return file_.path(); }
  /// Returns the size of the file.
  int64_t bytes() const { return file_.size(); }

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
