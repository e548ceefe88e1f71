// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/shard_file.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "tandem/base/crc32c.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/safetensors_header.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

namespace {

// Small enough to be still in the cache when it is written, after its checksum was taken.
constexpr int64_t kBlockBytes = int64_t{1} << 18;

// The header with its length in front, padded so that the data begins on a multiple of 8 bytes.
std::string header_text(const ShardLabel& label, std::span<const NewEntry> entries) {
  std::vector<SafetensorsTensor> tensors;
  for (const NewEntry& entry : entries) {
    const int64_t bytes = entry.bytes.size();
    TANDEM_CHECK(bytes == layout::num_elements(entry.shape) * size_bytes(entry.type), "{}: {} bytes of {}",
                 entry.name, bytes, name_of(entry.type));
    tensors.push_back({.name = entry.name, .type = name_of(entry.type), .shape = entry.shape});
  }
  return safetensors_header_text(metadata_of(label), tensors);
}

// Takes the checksums of a file's chunks as its bytes pass by.
class ChunkSums {
 public:
  explicit ChunkSums(int64_t chunk_bytes) : chunk_bytes_(chunk_bytes) {}

  void add(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const auto part = bytes.first(std::min(bytes.size(), static_cast<size_t>(chunk_bytes_ - in_chunk_)));
      sum_ = crc32c(part, sum_);
      in_chunk_ += std::ssize(part);
      if (in_chunk_ == chunk_bytes_) end_chunk();
      bytes = bytes.subspan(part.size());
    }
  }

  std::vector<uint32_t> finish() {
    if (in_chunk_ > 0) end_chunk();
    return std::move(sums_);
  }

 private:
  void end_chunk() {
    sums_.push_back(std::exchange(sum_, 0));
    in_chunk_ = 0;
  }

  int64_t chunk_bytes_, in_chunk_ = 0;
  uint32_t sum_ = 0;
  std::vector<uint32_t> sums_;
};

SafetensorsHeader read_own_header(const File& file) {
  try {
    return read_safetensors_header(file);
  } catch (const InputError& error) {
    // Nobody edits these files: what is wrong in them is damage, not a user's slip.
    throw EnvironmentError("{}", error.what());
  }
}

}  // namespace

std::map<std::string, std::string> metadata_of(const ShardLabel& label) {
  return {{"step", std::to_string(label.step)},
          {"generation", std::to_string(label.generation)},
          {"writer", std::to_string(label.writer)}};
}

WrittenShard write_shard(const fs::path& path, const ShardLabel& label, std::span<const NewEntry> entries,
                         int64_t chunk_bytes) {
  const std::string header = header_text(label, entries);
  File file = File::create(path);
  ChunkSums sums(chunk_bytes);
  const auto write = [&](std::span<const std::byte> bytes) {
    sums.add(bytes);
    file.append(bytes);
  };
  write(std::as_bytes(std::span(header)));
  WrittenShard written{.data_begin = file.size(), .chunk_sums = {}};
  std::vector<std::byte> buffer(kBlockBytes);
  for (const NewEntry& entry : entries)
    for (int64_t done = 0; done < entry.bytes.size();) {
      const int64_t count = std::min(entry.bytes.size() - done, kBlockBytes);
      write(entry.bytes.at(done, std::span(buffer).first(static_cast<size_t>(count))));
      done += count;
    }
  written.file_bytes = file.size();
  written.chunk_sums = sums.finish();
  file.sync_and_close();
  return written;
}

ShardFile ShardFile::open(const fs::path& path) {
  ShardFile shard = open_unread(path);
  shard.read_header();
  return shard;
}

void ShardFile::read_header() {
  SafetensorsHeader header = read_own_header(file_);
  metadata_ = std::move(header.metadata);
  for (auto& [name, entry] : header.entries) {
    const std::optional<DataType> type = data_type_named(entry.type);
    if (!type) throw EnvironmentError("{}: {}: unknown dtype '{}'", path().string(), name, entry.type);
    entries_.emplace(name, ShardEntry{.type = *type,
                                      .shape = std::move(entry.shape),
                                      .position = entry.position,
                                      .bytes = entry.bytes});
  }
}

}  // namespace tandem::checkpoint
