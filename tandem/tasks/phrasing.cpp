// SPDX-License-Identifier: Apache-2.0
#include "tandem/tasks/phrasing.h"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "tandem/base/error.h"
#include "tandem/base/nearest.h"

namespace tandem::tasks {
namespace {

constexpr const char* kBetweenTexts = " ";

struct Piece {
  Ids ids;
  Cut cut = Cut::kNever;
};

std::vector<Piece> pieces_of(const std::vector<Part>& parts, const data::Tokenizer& tokenizer) {
  std::vector<Piece> pieces;
  int64_t gaps = 0;
  for (const Part& part : parts)
    if (part.kind == Part::Kind::kGap)
      pieces.push_back({.ids = {tokenizer.ids().sentinel(gaps++)}});
    else
      pieces.push_back({.ids = tokenizer.encode(part.text), .cut = part.cut});
  return pieces;
}

int64_t tokens_in(const std::vector<Piece>& pieces) {
  int64_t tokens = 0;
  for (const Piece& piece : pieces) tokens += std::ssize(piece.ids);
  return tokens;
}

int64_t may_be_cut(const Piece& piece) { return piece.cut == Cut::kNever ? 0 : std::ssize(piece.ids); }

// Tells whether anything that could be cut is left.
bool shorten(std::vector<Piece>& pieces, int64_t excess) {
  for (; excess > 0; --excess) {
    Piece& longest = *std::ranges::max_element(pieces, {}, may_be_cut);
    if (may_be_cut(longest) == 0) return false;
    longest.ids.erase(longest.cut == Cut::kFromStart ? longest.ids.begin() : longest.ids.end() - 1);
  }
  return std::ranges::any_of(pieces, [](const Piece& piece) { return may_be_cut(piece) > 0; });
}

Ids joined(const std::vector<Piece>& pieces, int32_t eos) {
  Ids ids;
  for (const Piece& piece : pieces) ids.insert(ids.end(), piece.ids.begin(), piece.ids.end());
  ids.push_back(eos);
  return ids;
}

// `names` are what the answers belong to, for messages.
void refuse_equal(const std::vector<Ids>& answers, std::span<const std::string> names,
                  const std::string& place) {
  std::map<Ids, size_t> seen;
  for (size_t i = 0; i < answers.size(); ++i)
    if (const auto [other, is_new] = seen.emplace(answers[i], i); !is_new)
      throw InputError("{}: '{}' and '{}' are the same tokens; give one of them other words", place,
                       names[other->second], names[i]);
}

std::string place_of(const Row& row, const std::string& file) { return fmt::format("{}:{}", file, row.line); }

}  // namespace

Phrasing::Phrasing(const Task& task, const TaskPattern& pattern, data::Tokenizer tokenizer,
                   data::SampleLengths lengths)
    : task_(task),
      pattern_(&pattern.pattern),
      name_(pattern.name),
      tokenizer_(std::move(tokenizer)),
      lengths_(lengths) {
  if (static_cast<int64_t>(pattern_->num_gaps()) > tokenizer_.ids().sentinel_count)
    throw InputError("{}: pattern '{}' has {} gaps, but the vocabulary only {} sentinels", task.name, name_,
                     pattern_->num_gaps(), tokenizer_.ids().sentinel_count);
  if (!task.candidates) set_answers(pattern.words);
}

Phrasing::Phrasing(Plain, const Task& task, data::Tokenizer tokenizer, data::SampleLengths lengths)
    : task_(task), name_(kPlain), tokenizer_(std::move(tokenizer)), lengths_(lengths) {
  if (task.candidates) return;
  std::vector<Words> names;
  for (const std::string& label : task.labels) names.push_back({label});
  set_answers(names);
}

Phrasing Phrasing::plain(const Task& task, data::Tokenizer tokenizer, data::SampleLengths lengths) {
  return {Plain{}, task, std::move(tokenizer), lengths};
}

void Phrasing::set_answers(const std::vector<Words>& words) {
  const std::string place = fmt::format("{}: pattern '{}'", task_.name, name_);
  std::vector<Ids> answers;
  for (size_t label = 0; label < words.size(); ++label)
    answers.push_back(answer(words[label], fmt::format("{}: label '{}'", place, task_.labels[label])));
  refuse_equal(answers, task_.labels, place);
  label_answers_ = std::make_shared<const std::vector<Ids>>(std::move(answers));
}

Ids Phrasing::answer(const Words& words, const std::string& place) const {
  const data::SpecialIds& special = tokenizer_.ids();
  Ids ids;
  for (size_t gap = 0; gap < words.size(); ++gap) {
    if (pattern_ != nullptr) ids.push_back(special.sentinel(static_cast<int64_t>(gap)));
    const Ids word = tokenizer_.encode(words[gap]);
    if (word.empty() || std::ranges::count(word, special.unk) > 0)
      throw InputError("{}: the tokenizer cannot write '{}'; give other words", place, words[gap]);
    ids.insert(ids.end(), word.begin(), word.end());
  }
  ids.push_back(special.eos);
  if (std::ssize(ids) > lengths_.target)
    throw InputError("{}: '{}' takes {} tokens, above data.target_length {}; raise it or give shorter words",
                     place, fmt::join(words, "', '"), ids.size(), lengths_.target);
  return ids;
}

std::vector<Part> Phrasing::parts_of(const std::vector<std::string>& values) const {
  if (pattern_ != nullptr) return pattern_->render(values);
  std::vector<Part> parts;
  for (size_t i = 0; i < values.size(); ++i) {
    const Cut cut = task_.inputs[i].cut;
    if (i > 0) parts.push_back({.text = kBetweenTexts});
    if (!values[i].empty())
      parts.push_back({.text = values[i], .cut = cut == Cut::kFarFromGap ? Cut::kFromEnd : cut});
  }
  return parts;
}

std::string Phrasing::sentence(const Row& row) const { return show(parts_of(row.values)); }

Ids Phrasing::source(const Row& row, const std::string& file) const {
  std::vector<Piece> pieces = pieces_of(parts_of(row.values), tokenizer_);
  const int64_t tokens = tokens_in(pieces) + 1;
  if (tokens > lengths_.source && !shorten(pieces, tokens - lengths_.source))
    throw InputError(
        "{}: has {} tokens in pattern '{}', and what may be cut of it leaves nothing within "
        "data.source_length {}; raise it",
        place_of(row, file), tokens, name_, lengths_.source);
  return joined(pieces, tokenizer_.ids().eos);
}

Ids Phrasing::empty_source() const {
  std::vector<std::string> values;
  for (const Input& input : task_.inputs) values.push_back(input.gap);
  return joined(pieces_of(parts_of(values), tokenizer_), tokenizer_.ids().eos);
}

Answers Phrasing::answers(const Row& row, const std::string& file) const {
  if (label_answers_ != nullptr) return label_answers_;
  const std::string place = place_of(row, file);
  std::vector<Ids> answers;
  for (const std::string& candidate : row.candidates) answers.push_back(answer({candidate}, place));
  refuse_equal(answers, row.candidates, place);
  return std::make_shared<const std::vector<Ids>>(std::move(answers));
}

Phrasing phrasing_of(const Task& task, const std::string& name, const data::Tokenizer& tokenizer,
                     data::SampleLengths lengths) {
  if (name == Phrasing::kPlain) return Phrasing::plain(task, tokenizer, lengths);
  const auto found = std::ranges::find(task.patterns, name, &TaskPattern::name);
  if (found != task.patterns.end()) return {task, *found, tokenizer, lengths};
  std::vector<std::string> names{Phrasing::kPlain};
  for (const TaskPattern& pattern : task.patterns) names.push_back(pattern.name);
  throw InputError("{} has no pattern '{}'; the nearest is '{}'", task.name, name, nearest_name(name, names));
}

}  // namespace tandem::tasks
