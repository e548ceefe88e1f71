// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/safetensors_header.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "tandem/base/error.h"
#include "tandem/base/strict_json.h"

namespace tandem::checkpoint {

namespace {

using nlohmann::json;

constexpr int64_t kLengthBytes = 8;
constexpr int64_t kMaxHeaderBytes = 100'000'000;  // the limit of the reference reader
constexpr const char* kMetadata = "__metadata__";

constexpr std::array<std::pair<std::string_view, int64_t>, 15> kTypeBytes{{{"F32", 4},
                                                                           {"F64", 8},
                                                                           {"BF16", 2},
                                                                           {"F16", 2},
                                                                           {"I64", 8},
                                                                           {"I32", 4},
                                                                           {"I16", 2},
                                                                           {"I8", 1},
                                                                           {"U64", 8},
                                                                           {"U32", 4},
                                                                           {"U16", 2},
                                                                           {"U8", 1},
                                                                           {"BOOL", 1},
                                                                           {"F8_E5M2", 1},
                                                                           {"F8_E4M3", 1}}};

// Bytes of an element, or 0 for a type that is not of the format.
int64_t element_bytes(std::string_view type) {
  for (const auto& [name, bytes] : kTypeBytes)
    if (name == type) return bytes;
  return 0;
}

std::string header_text(const File& file) {
  const std::string place = file.path().string();
  uint64_t length = 0;
  if (file.size() < kLengthBytes) throw InputError("{}: too short for a safetensors file", place);
  file.read_at(0, std::as_writable_bytes(std::span(&length, 1)));
  if (length > uint64_t{kMaxHeaderBytes} || length > static_cast<uint64_t>(file.size() - kLengthBytes))
    throw InputError("{}: says its header has {} bytes, which its {} bytes cannot hold", place, length,
                     file.size());
  std::string text(length, '\0');
  file.read_at(kLengthBytes, std::as_writable_bytes(std::span(text)));
  if (!text.starts_with('{')) throw InputError("{}: is not a safetensors file", place);
  return text;
}

const json& member(const json& entry, const char* key, const std::string& place) {
  const auto found = entry.find(key);
  if (found == entry.end()) throw InputError("{}: '{}' is missing", place, key);
  return *found;
}

std::vector<int64_t> sizes(const json& entry, const char* key, const std::string& place) {
  const json& list = member(entry, key, place);
  std::vector<int64_t> sizes;
  const auto is_size = [](const json& size) {
    return size.is_number_unsigned() && size.get<uint64_t>() <= uint64_t{1} << 62;
  };
  if (!list.is_array() || !std::all_of(list.begin(), list.end(), is_size))
    throw InputError("{}: '{}' is no list of sizes", place, key);
  return list.get<std::vector<int64_t>>();
}

SafetensorsEntry read_entry(const json& value, const std::string& place, int64_t data_position) {
  if (!value.is_object()) throw InputError("{}: is no JSON object", place);
  for (const auto& [key, ignored] : value.items())
    if (key != "dtype" && key != "shape" && key != "data_offsets")
      throw InputError("{}: '{}' is not known here", place, key);
  const json& type = member(value, "dtype", place);
  if (!type.is_string()) throw InputError("{}: 'dtype' is not a text", place);
  SafetensorsEntry entry{.type = type.get<std::string>(), .shape = sizes(value, "shape", place)};
  const std::vector<int64_t> offsets = sizes(value, "data_offsets", place);
  int64_t bytes = element_bytes(entry.type);
  if (bytes == 0) throw InputError("{}: unknown dtype '{}'", place, entry.type);
  for (const int64_t extent : entry.shape)
    if (__builtin_mul_overflow(bytes, extent, &bytes)) throw InputError("{}: absurd shape", place);
  if (offsets.size() != 2 || offsets[1] - offsets[0] != bytes)
    throw InputError("{}: shape and type make {} bytes, 'data_offsets' says otherwise", place, bytes);
  entry.position = data_position + offsets[0];
  entry.bytes = bytes;
  return entry;
}

void check_no_hole(const SafetensorsHeader& header, int64_t data_position, const File& file) {
  std::vector<std::pair<int64_t, int64_t>> ranges;
  for (const auto& [name, entry] : header.entries) ranges.emplace_back(entry.position, entry.bytes);
  std::sort(ranges.begin(), ranges.end());
  int64_t end = data_position;
  for (const auto& [position, bytes] : ranges) {
    if (position != end)
      throw InputError("{}: its entries leave a hole or overlap at byte {}", file.path().string(), end);
    end += bytes;
  }
  if (end != file.size())
    throw InputError("{}: has {} bytes, its header describes {}", file.path().string(), file.size(), end);
}

void read_metadata(const json& value, const std::string& place, std::map<std::string, std::string>& texts) {
  if (!value.is_object()) throw InputError("{}: is no JSON object", place);
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) throw InputError("{}: '{}' is not a text", place, key);
    texts[key] = text.get<std::string>();
  }
}

}  // namespace

SafetensorsHeader read_safetensors_header(const File& file) {
  const std::string path = file.path().string(), text = header_text(file);
  const int64_t data_position = kLengthBytes + std::ssize(text);
  const json parsed = parse_strict_json(text, path, {.bytes = size_t{kMaxHeaderBytes}});
  SafetensorsHeader header;
  for (const auto& [name, value] : parsed.items()) {
    const std::string place = fmt::format("{}: {}", path, name);
    if (name == kMetadata)
      read_metadata(value, place, header.metadata);
    else
      header.entries.emplace(name, read_entry(value, place, data_position));
  }
  check_no_hole(header, data_position, file);
  return header;
}

std::string safetensors_header_text(const std::map<std::string, std::string>& metadata,
                                    std::span<const SafetensorsTensor> tensors) {
  nlohmann::ordered_json header = {{kMetadata, metadata}};
  int64_t end = 0;
  for (const SafetensorsTensor& tensor : tensors) {
    TANDEM_CHECK(!header.contains(tensor.name), "{} is written twice", tensor.name);
    TANDEM_CHECK(element_bytes(tensor.type) > 0, "safetensors has no type {}", tensor.type);
    const int64_t begin = end;
    end += layout::num_elements(tensor.shape) * element_bytes(tensor.type);
    header[tensor.name] = {{"dtype", tensor.type}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  TANDEM_CHECK(std::ssize(text) <= kMaxHeaderBytes, "header of {} bytes", text.size());
  const auto length = std::bit_cast<std::array<char, kLengthBytes>>(uint64_t{text.size()});
  return std::string(length.data(), length.size()) + text;
}

}  // namespace tandem::checkpoint
