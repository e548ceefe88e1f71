// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/shard_file.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <nlohmann/json.hpp>

#include "tandem/base/error.h"
#include "tandem/checkpoint/json_members.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr int64_t kLengthBytes = 8;
constexpr int64_t kMaxHeaderBytes = 100'000'000;  // the limit of the reference reader
constexpr const char* kMetadata = "__metadata__";

// The header with its length in front, padded so that the data begins on a multiple of 8 bytes.
std::string header_text(const ShardLabel& label, std::span<const NewEntry> entries) {
  nlohmann::ordered_json header = {{kMetadata, metadata_of(label)}};
  int64_t end = 0;
  for (const NewEntry& entry : entries) {
    const auto bytes = static_cast<int64_t>(entry.bytes.size());
    TANDEM_CHECK(bytes == layout::num_elements(entry.shape) * size_bytes(entry.type), "{}: {} bytes of {}",
                 entry.name, bytes, name_of(entry.type));
    TANDEM_CHECK(!header.contains(entry.name), "{} is written twice", entry.name);
    header[entry.name] = {
        {"dtype", name_of(entry.type)}, {"shape", entry.shape}, {"data_offsets", {end, end + bytes}}};
    end += bytes;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  TANDEM_CHECK(static_cast<int64_t>(text.size()) <= kMaxHeaderBytes, "header of {} bytes", text.size());
  const auto length = std::bit_cast<std::array<char, kLengthBytes>>(uint64_t{text.size()});
  return std::string(length.data(), length.size()) + text;
}

json read_header(const File& file, int64_t& data_position) {
  const std::string place = file.path().string();
  uint64_t length = 0;
  if (file.size() < kLengthBytes) throw EnvironmentError("{}: too short for a safetensors file", place);
  file.read_at(0, std::as_writable_bytes(std::span(&length, 1)));
  if (length > uint64_t{kMaxHeaderBytes} || length > static_cast<uint64_t>(file.size() - kLengthBytes))
    throw EnvironmentError("{}: says its header has {} bytes, which its {} bytes cannot hold", place, length,
                           file.size());
  std::string text(length, '\0');
  file.read_at(kLengthBytes, std::as_writable_bytes(std::span(text)));
  if (!text.starts_with('{')) throw EnvironmentError("{}: is not a safetensors file", place);
  data_position = kLengthBytes + static_cast<int64_t>(length);
  return parse_stored_json(text, place, kMaxHeaderBytes);
}

std::vector<int64_t> sizes(JsonMembers& members, const std::string& key) {
  std::vector<int64_t> sizes;
  for (const json& size : members.array(key)) {
    if (!size.is_number_unsigned() || size.get<uint64_t>() > uint64_t{1} << 62)
      throw EnvironmentError("{}: '{}' is no list of sizes", members.place(), key);
    sizes.push_back(size.get<int64_t>());
  }
  return sizes;
}

ShardEntry read_entry(const json& value, const std::string& place, int64_t data_position) {
  JsonMembers members(value, place);
  const std::string type_name = members.text("dtype");
  const std::optional<DataType> type = data_type_named(type_name);
  if (!type) throw EnvironmentError("{}: unknown dtype '{}'", place, type_name);
  ShardEntry entry{.type = *type, .shape = sizes(members, "shape")};
  const std::vector<int64_t> offsets = sizes(members, "data_offsets");
  members.finish();
  int64_t bytes = size_bytes(*type);
  for (const int64_t extent : entry.shape)
    if (__builtin_mul_overflow(bytes, extent, &bytes)) throw EnvironmentError("{}: absurd shape", place);
  if (offsets.size() != 2 || offsets[1] - offsets[0] != bytes)
    throw EnvironmentError("{}: shape and type make {} bytes, 'data_offsets' says otherwise", place, bytes);
  entry.position = data_position + offsets[0];
  entry.bytes = bytes;
  return entry;
}

void check_no_hole(const std::map<std::string, ShardEntry>& entries, int64_t data_position,
                   const File& file) {
  std::vector<std::pair<int64_t, int64_t>> ranges;
  for (const auto& [name, entry] : entries) ranges.emplace_back(entry.position, entry.bytes);
  std::sort(ranges.begin(), ranges.end());
  int64_t end = data_position;
  for (const auto& [position, bytes] : ranges) {
    if (position != end)
      throw EnvironmentError("{}: its entries leave a hole or overlap at byte {}", file.path().string(), end);
    end += bytes;
  }
  if (end != file.size())
    throw EnvironmentError("{}: has {} bytes, its header describes {}", file.path().string(), file.size(),
                           end);
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
  int64_t data_position = 0;
  const json header = read_header(shard.file_, data_position);
  for (const auto& [name, value] : header.items()) {
    const std::string place = fmt::format("{}: {}", path.string(), name);
    if (name == kMetadata) {
      JsonMembers texts(value, place);
      for (const auto& [key, text] : value.items()) shard.metadata_[key] = texts.text(key);
    } else {
      shard.entries_.emplace(name, read_entry(value, place, data_position));
    }
  }
  check_no_hole(shard.entries_, data_position, shard.file_);
  return shard;
}

}  // namespace tandem::checkpoint
