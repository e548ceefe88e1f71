// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/shard_file.h"

#include <optional>
#include <utility>

#include "tandem/base/error.h"
#include "tandem/checkpoint/safetensors_header.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

namespace {

// The header with its length in front, padded so that the data begins on a multiple of 8 bytes.
std::string header_text(const ShardLabel& label, std::span<const NewEntry> entries) {
  std::vector<SafetensorsTensor> tensors;
  for (const NewEntry& entry : entries) {
    const auto bytes = static_cast<int64_t>(entry.bytes.size());
    TANDEM_CHECK(bytes == layout::num_elements(entry.shape) * size_bytes(entry.type), "{}: {} bytes of {}",
                 entry.name, bytes, name_of(entry.type));
    tensors.push_back({.name = entry.name, .type = name_of(entry.type), .shape = entry.shape});
  }
  return safetensors_header_text(metadata_of(label), tensors);
}

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
  return {{"run", label.run_id},
          {"step", std::to_string(label.step)},
          {"generation", std::to_string(label.generation)},
          {"writer", std::to_string(label.writer)}};
}

WrittenShard write_shard(const fs::path& path, const ShardLabel& label, std::span<const NewEntry> entries) {
  const std::string header = header_text(label, entries);
  File file = File::create(path);
  file.append(std::as_bytes(std::span(header)));
  WrittenShard written;
  for (const NewEntry& entry : entries) {
    written.positions.push_back(file.size());
    file.append(entry.bytes);
  }
  written.file_bytes = file.size();
  file.sync_and_close();
  return written;
}

ShardFile ShardFile::open(const fs::path& path) {
  ShardFile shard(File::open(path));
  SafetensorsHeader header = read_own_header(shard.file_);
  shard.metadata_ = std::move(header.metadata);
  for (auto& [name, entry] : header.entries) {
    const std::optional<DataType> type = data_type_named(entry.type);
    if (!type) throw EnvironmentError("{}: {}: unknown dtype '{}'", path.string(), name, entry.type);
    shard.entries_.emplace(name, ShardEntry{.type = *type,
                                            .shape = std::move(entry.shape),
                                            .position = entry.position,
                                            .bytes = entry.bytes});
  }
  return shard;
}

}  // namespace tandem::checkpoint
