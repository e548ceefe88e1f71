// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/data_inspect.h"

#include <algorithm>
#include <filesystem>

#include "tandem/base/error.h"
#include "tandem/data/index_metadata.h"
#include "tandem/data/token_index.h"
#include "tandem/data/tokenizer.h"

namespace tandem::cli {
namespace {

using nlohmann::ordered_json;

ordered_json lengths_of(const data::TokenIndex& index) {
  uint64_t shortest = UINT64_MAX, longest = 0;
  for (uint64_t document = 0; document < index.documents(); ++document) {
    shortest = std::min(shortest, index.document_tokens(document));
    longest = std::max(longest, index.document_tokens(document));
  }
  return {{"shortest", shortest},
          {"mean", static_cast<double>(index.tokens()) / static_cast<double>(index.documents())},
          {"longest", longest}};
}

void add_metadata(ordered_json& json, const std::string& prefix) {
  const auto metadata = data::read_metadata(prefix);
  const auto value = [&](auto member) {
    return metadata ? ordered_json(metadata->ids.*member) : ordered_json(nullptr);
  };
  json["vocabulary"] = value(&data::SpecialIds::vocabulary);
  json["pad"] = value(&data::SpecialIds::pad);
  json["eos"] = value(&data::SpecialIds::eos);
  json["unk"] = value(&data::SpecialIds::unk);
  json["first_sentinel"] = value(&data::SpecialIds::first_sentinel);
  json["sentinel_count"] = value(&data::SpecialIds::sentinel_count);
  json["tokenizer_hash"] = metadata ? ordered_json(metadata->tokenizer_hash) : ordered_json(nullptr);
}

void add_document(ordered_json& json, const data::TokenIndex& index, uint64_t document) {
  if (document >= index.documents())
    throw InputError("--document {} of {}: the last is {}", document, index.prefix(), index.documents() - 1);
  const auto ids = index.read(document);
  const std::string model = index.prefix() + ".tokenizer.model";
  json["document"] = document;
  json["ids"] = ids;
  json["text"] = std::filesystem::exists(model) ? ordered_json(data::Tokenizer::load(model).decode(ids))
                                                : ordered_json(nullptr);
}

}  // namespace

ordered_json describe_data(const std::string& prefix, std::optional<uint64_t> document) {
  const auto index = data::TokenIndex::open(prefix);
  ordered_json json;
  json["prefix"] = index.prefix();
  json["documents"] = index.documents();
  json["sequences"] = index.sequences();
  json["tokens"] = index.tokens();
  json["token_type"] = data::token_type_name(index.type());
  json["bytes"] = static_cast<int64_t>(index.tokens()) * data::token_bytes(index.type());
  json["document_tokens"] = lengths_of(index);
  add_metadata(json, index.prefix());
  if (document) add_document(json, index, *document);
  return json;
}

}  // namespace tandem::cli
