// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/pair_source.h"

#include <string_view>

#include <nlohmann/json.hpp>

#include "tandem/base/error.h"
#include "tandem/data/text_lines.h"

namespace tandem::data {
namespace {

struct Side {
  const char* name;
  int64_t limit;
};

std::vector<int32_t> given_ids(const nlohmann::json& list, const std::string& place, const char* side) {
  std::vector<int32_t> ids;
  for (const auto& id : list) {
    if (!id.is_number_integer() || id < 0 || id > INT32_MAX)
      throw InputError("{}: {} holds {}, which is no token id", place, side, id.dump());
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

std::vector<int32_t> tokenised(const std::string& text, const std::string& place,
                               const Tokenizer* tokenizer) {
  if (tokenizer == nullptr) throw InputError("{} holds text, which needs data.tokenizer", place);
  std::vector<int32_t> ids = tokenizer->encode_with_masks(text);
  ids.push_back(tokenizer->ids().eos);
  return ids;
}

std::vector<int32_t> read_side(const nlohmann::json& pair, const Side& side, const std::string& place,
                               const Tokenizer* tokenizer, int64_t vocabulary) {
  if (!pair.is_object() || !pair.contains(side.name))
    throw InputError("{} is no object with \"source\" and \"target\"", place);
  const auto& value = pair[side.name];
  if (!value.is_string() && !value.is_array())
    throw InputError("{}: {} must be a text or a list of token ids", place, side.name);
  auto ids = value.is_string() ? tokenised(value.get<std::string>(), place, tokenizer)
                               : given_ids(value, place, side.name);
  if (static_cast<int64_t>(ids.size()) > side.limit)
    throw InputError("{}: the {} has {} tokens, but data.{}_length is {}; raise it or shorten the line",
                     place, side.name, ids.size(), side.name, side.limit);
  for (const int32_t id : ids)
    if (id >= vocabulary)
      throw InputError("{}: the {} holds token id {}, outside the vocabulary of {}", place, side.name, id,
                       vocabulary);
  return ids;
}

}  // namespace

PairSource::PairSource(const std::string& path, const Tokenizer* tokenizer, const PairLimits& limits) {
  TextLines lines(path);
  std::string line;
  bool has_target = false;
  while (lines.next(line)) {
    if (line.empty()) continue;
    const nlohmann::json pair = parse_json_line(line, lines.place());
    Sample sample;
    sample.source =
        read_side(pair, {"source", limits.lengths.source}, lines.place(), tokenizer, limits.vocabulary);
    sample.target =
        read_side(pair, {"target", limits.lengths.target}, lines.place(), tokenizer, limits.vocabulary);
    if (sample.source.empty()) throw InputError("{}: the source is empty", lines.place());
    has_target = has_target || !sample.target.empty();
    pairs_.push_back(std::move(sample));
  }
  if (pairs_.empty()) throw InputError("{} is empty; it needs a JSON line {{source, target}} a pair", path);
  if (!has_target) throw InputError("{}: no pair has a target token; there is nothing to learn", path);
}

Sample PairSource::sample(uint64_t element, CounterRandom) const { return pairs_.at(element); }

}  // namespace tandem::data
