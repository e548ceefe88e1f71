// SPDX-License-Identifier: Apache-2.0
#include "tandem/interop/t5_tokenizer.h"

#include <charconv>
#include <map>
#include <string_view>

#include "tandem/base/error.h"
#include "tandem/base/strict_json.h"
#include "tandem/interop/foreign_file.h"

namespace tandem::interop {

namespace fs = std::filesystem;
using data::SpecialIds;
using nlohmann::json;

namespace {

constexpr int64_t kMaxModelBytes = int64_t{256} << 20;
constexpr int64_t kMaxConfigBytes = int64_t{64} << 20;
constexpr int32_t kUsualSentinels = 100;

template <class Number>
std::optional<Number> number_in(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

// K of "<extra_id_K>", which T5's own tools write behind a "▁".
std::optional<int32_t> sentinel_number(std::string_view piece) {
  constexpr std::string_view kSpace = "\xE2\x96\x81", kBegin = "<extra_id_";
  if (piece.starts_with(kSpace)) piece.remove_prefix(kSpace.size());
  if (!piece.starts_with(kBegin) || !piece.ends_with('>')) return std::nullopt;
  piece.remove_prefix(kBegin.size());
  piece.remove_suffix(1);
  return number_in<int32_t>(piece);
}

/// What tokenizer_config.json says of sentinels.
struct Declared {
  std::map<int32_t, int64_t> ids;  // by number
  std::optional<int64_t> count;    // extra_ids
};

Declared read_declared(const fs::path& path) {
  Declared declared;
  if (!leads_somewhere(path)) return declared;
  const std::string place = path.string();
  const json config =
      parse_strict_json(read_foreign_text(path, kMaxConfigBytes), place, {.bytes = size_t{kMaxConfigBytes}});
  if (!config.is_object()) throw InputError("{}: is no JSON object", place);
  if (const auto count = config.find("extra_ids"); count != config.end()) {
    if (!count->is_number_unsigned() || count->get<uint64_t>() > 1u << 24)
      throw InputError("{}: extra_ids is no number of sentinels", place);
    declared.count = count->get<int64_t>();
  }
  const auto added = config.find("added_tokens_decoder");
  if (added == config.end() || !added->is_object()) return declared;
  for (const auto& [id, token] : added->items()) {
    if (!token.is_object() || !token.contains("content") || !token["content"].is_string()) continue;
    const auto number = sentinel_number(token["content"].get<std::string>());
    if (!number) continue;
    const auto value = number_in<int64_t>(id);
    if (!value || !declared.ids.emplace(*number, *value).second)
      throw InputError("{}: added_tokens_decoder gives <extra_id_{}> no one id", place, *number);
  }
  return declared;
}

// Puts the sentinels that the configuration lists into `ids`.
void take_declared(const Declared& declared, const std::string& place, SpecialIds& ids) {
  const int64_t first = declared.ids.begin()->second;
  int32_t expected = 0;
  for (const auto& [number, id] : declared.ids) {
    if (number != expected || id != first - number)
      throw InputError("{}: <extra_id_{}> has id {}; tandem's sentinels descend from <extra_id_0> one by one",
                       place, number, id);
    ++expected;
  }
  if (first >= ids.vocabulary || first - expected + 1 < 0)
    throw InputError("{}: sentinels have the ids {} to {}, outside vocab_size {}", place,
                     first - expected + 1, first, ids.vocabulary);
  ids.first_sentinel = static_cast<int32_t>(first);
  ids.sentinel_count = expected;
}

// T5Tokenizer appends them to the pieces, the first sentinel last.
void append_sentinels(const Declared& declared, const std::string& place, int32_t pieces, SpecialIds& ids,
                      std::vector<std::string>& notes) {
  const int64_t count = declared.count.value_or(kUsualSentinels);
  if (count == 0) return;
  if (pieces + count > ids.vocabulary) {
    if (declared.count)
      throw InputError("{}: {} sentinels behind {} pieces are beyond vocab_size {}", place, count, pieces,
                       ids.vocabulary);
    notes.push_back("the vocabulary has no room for T5's 100 sentinels; the model has none");
    return;
  }
  ids.first_sentinel = static_cast<int32_t>(pieces + count - 1);
  ids.sentinel_count = static_cast<int32_t>(count);
}

void check_ids(const fs::path& path, const SpecialIds& pieces, const SpecialIds& ids) {
  if (pieces.pad != ids.pad || pieces.eos != ids.eos)
    throw InputError("{}: has pad {} and eos {}, but config.json says {} and {}", path.string(), pieces.pad,
                     pieces.eos, ids.pad, ids.eos);
  if (pieces.vocabulary > ids.vocabulary)
    throw InputError("{}: has {} pieces, more than vocab_size {}", path.string(), pieces.vocabulary,
                     ids.vocabulary);
}

}  // namespace

T5Tokenizer read_t5_tokenizer(const fs::path& folder, const T5Config& config) {
  SpecialIds ids{
      .vocabulary = static_cast<int32_t>(config.model.vocabulary), .pad = config.pad, .eos = config.eos};
  const fs::path path = folder / "spiece.model", settings = folder / "tokenizer_config.json";
  const Declared declared = read_declared(settings);
  T5Tokenizer result;
  std::optional<SpecialIds> pieces;
  if (leads_somewhere(path)) {
    result.model = read_foreign_text(path, kMaxModelBytes);
    pieces = data::Tokenizer::from_model(*result.model, path.string()).ids();
    check_ids(path, *pieces, ids);
    result.facts.hash = data::Tokenizer::from_model(*result.model, path.string()).hash();
  } else {
    result.notes.push_back("the folder has no spiece.model; the import works on ids only");
  }
  if (pieces && pieces->sentinel_count > 0) {
    ids.first_sentinel = pieces->first_sentinel;
    ids.sentinel_count = pieces->sentinel_count;
  } else if (!declared.ids.empty()) {
    take_declared(declared, settings.string(), ids);
  } else if (pieces) {
    append_sentinels(declared, settings.string(), pieces->vocabulary, ids, result.notes);
  }
  if (ids.sentinel_count > 0 && (ids.is_sentinel(ids.pad) || ids.is_sentinel(ids.eos)))
    throw InputError("{}: its sentinels {} to {} hold pad or eos", folder.string(),
                     ids.sentinel(ids.sentinel_count - 1), ids.first_sentinel);
  result.facts.pad = ids.pad;
  result.facts.eos = ids.eos;
  result.facts.first_sentinel = ids.first_sentinel;
  result.facts.sentinel_count = ids.sentinel_count;
  return result;
}

std::optional<nlohmann::ordered_json> t5_tokenizer_json(const data::Tokenizer& tokenizer,
                                                        const SpecialIds& ids) {
  // `tokenizer` may have been given the model's ids: what its own pieces are, only its bytes tell.
  const SpecialIds pieces = data::Tokenizer::from_model(tokenizer.model(), "the tokenizer").ids();
  const bool own = pieces.sentinel_count > 0;
  if (own ? pieces.first_sentinel != ids.first_sentinel || pieces.sentinel_count != ids.sentinel_count
          : ids.sentinel_count > 0 && ids.first_sentinel != pieces.vocabulary + ids.sentinel_count - 1)
    return std::nullopt;
  return nlohmann::ordered_json{{"tokenizer_class", "T5Tokenizer"},
                                {"extra_ids", own ? 0 : ids.sentinel_count}};
}

}  // namespace tandem::interop
