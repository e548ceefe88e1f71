// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/index_metadata.h"

#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "tandem/base/error.h"

namespace tandem::data {

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
  if (!std::filesystem::exists(path)) return std::nullopt;
  std::ifstream file(path);
  try {
    const auto json = nlohmann::json::parse(file);
    if (json.at("format") != 1) throw InputError("{} has format {}, not 1", path, json.at("format").dump());
    IndexMetadata metadata;
    json.at("documents").get_to(metadata.documents);
    json.at("tokens").get_to(metadata.tokens);
    json.at("largest_id").get_to(metadata.largest_id);
    json.at("ends_with_eos").get_to(metadata.ends_with_eos);
    json.at("vocabulary").get_to(metadata.ids.vocabulary);
    json.at("pad").get_to(metadata.ids.pad);
    json.at("eos").get_to(metadata.ids.eos);
    json.at("unk").get_to(metadata.ids.unk);
    json.at("first_sentinel").get_to(metadata.ids.first_sentinel);
    json.at("sentinel_count").get_to(metadata.ids.sentinel_count);
    json.at("tokenizer_hash").get_to(metadata.tokenizer_hash);
    return metadata;
  } catch (const nlohmann::json::exception& error) {
    throw InputError("{} is not what `tandem data encode` writes: {}", path, error.what());
  }
}

}  // namespace tandem::data
