// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/pair_source.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include "tandem/base/error.h"
#include "tandem/data/text_lines.h"

namespace tandem::data {
namespace {

using nlohmann::json;

std::vector<int32_t> given_ids(const json& list, const std::string& place, const char* side) {
  std::vector<int32_t> ids;
  for (const auto& id : list) {
    if (!id.is_number_integer() || id < 0 || id > INT32_MAX)
      throw InputError("{}: {} holds {}, which is no token id", place, side, id.dump());
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

std::vector<int32_t> tokenised(const std::string& text, const std::string& place, const char* side,
                               const Tokenizer* tokenizer) {
  if (tokenizer == nullptr) throw InputError("{} holds text, which needs data.tokenizer", place);
  try {
    std::vector<int32_t> ids = tokenizer->encode_with_masks(text);
    ids.push_back(tokenizer->ids().eos);
    return ids;
  } catch (const InputError& error) {
    throw InputError("{}: {}: {}", place, side, error.what());
  }
}

}  // namespace

// Turns the lines of one file into pairs.
class PairSource::Reader {
 public:
  Reader(const Tokenizer* tokenizer, const PairLimits& limits) : tokenizer_(tokenizer), limits_(limits) {}

  Pair read(const json& line, const std::string& place) const {
    if (line.is_object() && line.contains("text") && !line.contains("source"))
      throw InputError("{} is a document, no pair; encode the file with `tandem data encode`", place);
    if (!line.is_object() || !line.contains("source") || line.contains("target") == line.contains("targets"))
      throw InputError("{} is no object with \"source\" and either \"target\" or \"targets\"", place);
    Pair pair;
    pair.source = side(line["source"], {"source", limits_.lengths.source}, place);
    if (pair.source.empty()) throw InputError("{}: the source is empty", place);
    if (line.contains("target")) {
      pair.targets.push_back(side(line["target"], target_side(), place));
    } else {
      add_targets(line["targets"], place, pair);
    }
    return pair;
  }

 private:
  struct Side {
    const char* name;
    int64_t limit;
  };

  Side target_side() const { return {"target", limits_.lengths.target}; }

  std::vector<int32_t> side(const json& value, const Side& side, const std::string& place) const {
    if (!value.is_string() && !value.is_array())
      throw InputError("{}: {} must be a text or a list of token ids", place, side.name);
    auto ids = value.is_string() ? tokenised(value.get<std::string>(), place, side.name, tokenizer_)
                                 : given_ids(value, place, side.name);
    if (static_cast<int64_t>(ids.size()) > side.limit)
      throw InputError("{}: the {} has {} tokens, but data.{}_length is {}; raise it or shorten the line",
                       place, side.name, ids.size(), side.name, side.limit);
    for (const int32_t id : ids)
      if (id >= limits_.vocabulary)
        throw InputError("{}: the {} holds token id {}, outside the vocabulary of {}", place, side.name, id,
                         limits_.vocabulary);
    return ids;
  }

  void add_targets(const json& targets, const std::string& place, Pair& pair) const {
    if (!targets.is_array() || targets.empty())
      throw InputError("{}: targets must be a list of at least one {{\"target\", \"weight\"}}", place);
    std::vector<double> weights;
    for (const json& item : targets) {
      if (!item.is_object() || !item.contains("target") || !item.contains("weight"))
        throw InputError("{}: entry {} of targets is no object with \"target\" and \"weight\"", place,
                         pair.targets.size() + 1);
      weights.push_back(weight(item["weight"], place));
      auto ids = side(item["target"], target_side(), place);
      const auto same = std::find(pair.targets.begin(), pair.targets.end(), ids);
      if (same != pair.targets.end())
        throw InputError("{}: entries {} and {} of targets are the same tokens; give one with both weights",
                         place, same - pair.targets.begin() + 1, pair.targets.size() + 1);
      pair.targets.push_back(std::move(ids));
    }
    if (weights.size() == 1) return;
    // Beside the largest no sum overflows.
    const double largest = *std::max_element(weights.begin(), weights.end());
    double sum = 0;
    for (const double weight : weights) pair.weights_up_to.push_back(sum += weight / largest);
  }

  static double weight(const json& value, const std::string& place) {
    if (!value.is_number() || !std::isfinite(value.get<double>()) || value.get<double>() <= 0)
      throw InputError("{}: a target has weight {}; weights must be positive numbers", place, value.dump());
    return value.get<double>();
  }

  const Tokenizer* tokenizer_;
  const PairLimits& limits_;
};

PairSource::PairSource(const std::string& path, const Tokenizer* tokenizer, const PairLimits& limits) {
  const Reader reader(tokenizer, limits);
  TextLines lines(path);
  std::string line;
  bool has_target = false;
  while (lines.next(line)) {
    if (line.empty()) continue;
    pairs_.push_back(reader.read(parse_json_line(line, lines.place()), lines.place()));
    for (const auto& target : pairs_.back().targets) has_target = has_target || !target.empty();
  }
  if (pairs_.empty()) throw InputError("{} is empty; it needs a JSON line {{source, target}} a pair", path);
  if (!has_target) throw InputError("{}: no pair has a target token; there is nothing to learn", path);
}

Sample PairSource::sample(uint64_t element, CounterRandom random) const {
  const Pair& pair = pairs_.at(element);
  const std::vector<double>& up_to = pair.weights_up_to;
  size_t drawn = 0;
  if (!up_to.empty()) {
    const double place = random.split("target").uniform(0) * up_to.back();
    const auto found = std::upper_bound(up_to.begin(), up_to.end(), place) - up_to.begin();
    drawn = std::min(static_cast<size_t>(found), up_to.size() - 1);  // the product may round up to the sum
  }
  return {.source = pair.source, .target = pair.targets[drawn]};
}

}  // namespace tandem::data
