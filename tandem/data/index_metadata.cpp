// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/index_metadata.h"

#include <cerrno>
#include <limits>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/base/field_value.h"
#include "tandem/base/strict_json.h"

namespace tandem::data {
namespace {

constexpr int32_t kLargestId = std::numeric_limits<int32_t>::max();

// The members of PREFIX.json, each with its type and range.
class MetadataReader {
 public:
  explicit MetadataReader(const std::string& path)
      : path_(path), json_(parse_strict_json(read_file(path), path)) {
    if (!json_.is_object()) fail("it is no object");
    if (member("format") != 1) throw InputError("{} has format {}, not 1", path_, member("format").dump());
  }

  int64_t integer(const char* name, const Field& range) const {
    int64_t value = 0;
    read(name, value, range);
    return value;
  }
  int32_t id(const char* name, const Field& range) const {
    return static_cast<int32_t>(integer(name, range));
  }
  template <class T>
  void read(const char* name, T& value, const Field& range = {}) const {
    const std::string problem = field_value::read_value(member(name), range, value);
    if (!problem.empty()) fail(fmt::format("{} {}", name, problem));
  }
  [[noreturn]] void fail(const std::string& problem) const {
    throw InputError("{} is not what `tandem data encode` writes: {}; encode again", path_, problem);
  }

 private:
  const nlohmann::json& member(const char* name) const {
    const auto found = json_.find(name);
    if (found == json_.end()) fail(fmt::format("{} is missing", name));
    return *found;
  }

  const std::string& path_;
  const nlohmann::json json_;
};

}  // namespace

std::string to_json(const IndexMetadata& metadata) {
  nlohmann::ordered_json json;
  json["format"] = 1;
  json["documents"] = metadata.documents;
  json["tokens"] = metadata.tokens;
  json["largest_id"] = metadata.largest_id;
  json["ends_with_eos"] = metadata.ends_with_eos;
  json["vocabulary"] = metadata.ids.vocabulary;
  json["pad"] = metadata.ids.pad;
  json["eos"] = metadata.ids.eos;
  json["unk"] = metadata.ids.unk;
  json["first_sentinel"] = metadata.ids.first_sentinel;
  json["sentinel_count"] = metadata.ids.sentinel_count;
  json["tokenizer_hash"] = metadata.tokenizer_hash;
  return json.dump(2) + "\n";
}

std::optional<IndexMetadata> read_metadata(const std::string& prefix) {
  const std::string path = prefix + ".json";
  // Only what is not there is a foreign index; anything else must be readable.
  if (::access(path.c_str(), F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  const MetadataReader reader(path);
  IndexMetadata metadata;
  SpecialIds& ids = metadata.ids;
  metadata.documents = static_cast<uint64_t>(reader.integer("documents", {.minimum = 0}));
  metadata.tokens = static_cast<uint64_t>(reader.integer("tokens", {.minimum = 0}));
  metadata.largest_id = reader.integer("largest_id", {.minimum = 0, .maximum = kLargestId});
  reader.read("ends_with_eos", metadata.ends_with_eos);
  reader.read("tokenizer_hash", metadata.tokenizer_hash);
  ids.vocabulary = reader.id("vocabulary", {.minimum = 1, .maximum = kLargestId});
  const double last = ids.vocabulary - 1;
  ids.pad = reader.id("pad", {.minimum = 0, .maximum = last});
  ids.eos = reader.id("eos", {.minimum = 0, .maximum = last});
  ids.unk = reader.id("unk", {.minimum = -1, .maximum = last});
  ids.first_sentinel = reader.id("first_sentinel", {.minimum = -1, .maximum = last});
  ids.sentinel_count = reader.id("sentinel_count", {.minimum = 0, .maximum = last + 1});
  if (ids.sentinel_count > ids.first_sentinel + 1)
    reader.fail(fmt::format("{} sentinels (sentinel_count) do not fit below first_sentinel {}",
                            ids.sentinel_count, ids.first_sentinel));
  return metadata;
}

}  // namespace tandem::data
