// SPDX-License-Identifier: Apache-2.0
// An input is a manifest without its seal, which a fuzzer would never guess: it is sealed here. A second time
// with hashes, checksums and sizes that fit the rest, so that what lies behind those checks is reached too.
#include "tandem/checkpoint/manifest.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "fuzz/json_mutator.h"
#include "fuzz/target.h"
#include "tandem/base/error.h"
#include "tandem/base/strict_json.h"
#include "tandem/checkpoint/load_plan.h"

namespace {

using namespace tandem::checkpoint;
using nlohmann::json;

int64_t number_of(const json& object, const char* key) {
  const auto found = object.find(key);
  const bool is_size = found != object.end() && found->is_number_unsigned();
  return is_size && found->get<uint64_t>() <= uint64_t{1} << 62 ? found->get<int64_t>() : 0;
}

int64_t bytes_of_element(const json& manifest) {
  int64_t bytes = 0;
  if (const auto roles = manifest.find("roles"); roles != manifest.end() && roles->is_array())
    for (const json& role : *roles)
      if (role.is_object() && role.contains("dtype") && role["dtype"].is_string())
        if (const auto type = data_type_named(role["dtype"].get<std::string>())) bytes += size_bytes(*type);
  return bytes;
}

// Makes size and checksums of a file agree with its ranges.
void repair_file(json& file, int64_t element_bytes, int64_t chunk_bytes) {
  const auto ranges = file.find("ranges");
  if (ranges == file.end() || !ranges->is_array()) return;
  constexpr uint64_t kMostElements = uint64_t{1} << 56;
  uint64_t elements = 0;
  for (const json& range : *ranges)
    if (range.is_array() && range.size() > 2 && range[2].is_number_unsigned())
      elements += std::min(range[2].get<uint64_t>(), kMostElements);
  if (elements > kMostElements) return;
  StoredFile stored;
  stored.bytes = std::min(number_of(file, "data_begin"), int64_t{1} << 60) +
                 static_cast<int64_t>(elements) * std::min(element_bytes, int64_t{24});
  if (stored.bytes / chunk_bytes > 1000) return;
  stored.chunk_sums.assign(static_cast<size_t>((stored.bytes + chunk_bytes - 1) / chunk_bytes), 7);
  std::string sums;
  for (const uint32_t sum : stored.chunk_sums) sums += fmt::format("{:08x}", sum);
  file["bytes"] = stored.bytes;
  file["chunk_crc32c"] = sums;
  file["crc32c"] = fmt::format("{:08x}", stored.sum(chunk_bytes));
}

// Returns the text with hashes and checksums that fit, or nothing where it is no manifest at all.
std::string repaired(const std::string& text) {
  json manifest;
  try {
    manifest = tandem::parse_strict_json(text, "input");
  } catch (const tandem::InputError&) {
    return "";
  }
  if (!manifest.is_object()) return "";
  if (manifest.contains("config")) manifest["config_hash"] = hash_of(manifest["config"]);
  const int64_t chunk_bytes = number_of(manifest, "chunk_bytes"), element_bytes = bytes_of_element(manifest);
  if (const auto files = manifest.find("files");
      chunk_bytes > 0 && chunk_bytes <= int64_t{1} << 32 && files != manifest.end() && files->is_array())
    for (json& file : *files)
      if (file.is_object()) repair_file(file, element_bytes, chunk_bytes);
  return manifest.dump();
}

// What a program does first with a step: all of it, and one part of each tensor.
void plan(const Manifest& manifest) {
  std::vector<Wanted> wanted;
  for (size_t tensor = 0; tensor < manifest.tensors.size(); ++tensor)
    for (size_t role = 0; role < manifest.description.roles.size(); ++role) {
      tandem::layout::Slice slice = tandem::layout::whole(manifest.tensors[tensor].shape);
      wanted.push_back({.tensor = tensor, .role = role, .range = tandem::layout::range_of(slice)});
      if (slice.extent.empty()) continue;
      slice.extent.back() = (slice.extent.back() + 1) / 2;
      wanted.push_back({.tensor = tensor, .role = role, .range = tandem::layout::range_of(slice)});
    }
  const LoadPlan plan = Planner(manifest).plan(wanted);
  for (const FilePlan& part : plan.files)
    for (const int64_t chunk : part.chunks)
      TANDEM_CHECK(chunk >= 0 && chunk * manifest.chunk_bytes < manifest.files[part.file].bytes, "chunk {}",
                   chunk);
}

void read(const std::string& text) {
  Manifest manifest;
  try {
    manifest = parse_manifest(text, "manifest.json");
  } catch (const tandem::InputError&) {
    return;
  } catch (const tandem::EnvironmentError&) {
    return;
  }
  TANDEM_CHECK(parse_manifest(to_text(manifest), "again") == manifest, "written and read it is another one");
  plan(manifest);
}

void read_sealed(const std::string& text) {
  if (const size_t end = text.rfind('}'); end != std::string::npos) read(sealed(text.substr(0, end)));
}

}  // namespace

void tandem::fuzz::take(const std::string& input) {
  const std::string fitting = repaired(input);
  read_sealed(input);
  if (fitting != input) read_sealed(fitting);
}

size_t tandem::fuzz::mutate(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return mutate_json(data, size, max_size, seed);
}
