// SPDX-License-Identifier: Apache-2.0
#include "tandem/tasks/line_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "tandem/base/error.h"
#include "tandem/base/nearest.h"
#include "tandem/tasks/span.h"

namespace tandem::tasks {
namespace {

using nlohmann::json;

// Returns how many there were.
int64_t erase_all(std::string& text, std::string_view what) {
  std::string kept;
  int64_t count = 0;
  size_t begin = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, begin), ++count) {
    kept.append(text, begin, at - begin);
    begin = at + what.size();
  }
  if (count > 0) text = kept.append(text, begin);
  return count;
}

size_t occurrences(std::string_view text, std::string_view what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size()))
    ++count;
  return count;
}

// Integers in one file are texts in another: 101 and "101" are one label.
std::optional<std::string> text_or_integer(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return value.dump();
  return std::nullopt;
}

// The member at a path; null where there is none.
const json* find(const json& object, std::string_view path) {
  const json* value = &object;
  while (value != nullptr && !path.empty()) {
    const size_t point = std::min(path.find('.'), path.size());
    const auto found = value->is_object() ? value->find(path.substr(0, point)) : value->end();
    value = value->is_object() && found != value->end() ? &*found : nullptr;
    path.remove_prefix(std::min(point + 1, path.size()));
  }
  return value;
}

}  // namespace

std::optional<Row> LineReader::read(const json& object, std::string place, Rows& counts) {
  place_ = std::move(place);
  if (!object.is_object()) refuse("is no JSON object");
  Row row;
  row.id = id(object);
  std::string label;
  if (has_answers(role_)) label = answer(object);
  if (std::ranges::count(task_.left_out, label) > 0) return ++counts.left_out, std::nullopt;
  for (const Input& input : task_.inputs)
    row.values.push_back(value(object, input, counts.deleted_characters));
  if (task_.candidates) row.candidates = candidates(object);
  if (has_answers(role_)) row.label = task_.candidates ? candidate_number(label) : label_number(label);
  return row;
}

void LineReader::refuse(const std::string& problem) const { throw InputError("{}: {}", place_, problem); }

const json& LineReader::member(const json& object, const std::string& path) const {
  const json* value = find(object, path);
  if (value == nullptr) refuse(fmt::format("'{}' is missing", path));
  return *value;
}

std::string LineReader::id(const json& object) const {
  for (const std::string& name : task_.id) {
    const json* value = find(object, name);
    if (value == nullptr) continue;
    const std::optional<std::string> text = text_or_integer(*value);
    if (!text || text->empty()) refuse(fmt::format("'{}' is {}, which is no id", name, value->dump()));
    return *text;
  }
  if (role_ == FileRole::kTest)
    refuse(fmt::format("'{}' is missing, but a line of a test file needs an id", task_.id.front()));
  return "";
}

std::string LineReader::answer(const json& object) const {
  const json& value = member(object, task_.label);
  const std::optional<std::string> text = text_or_integer(value);
  if (!text) refuse(fmt::format("'{}' is {}, which is no label", task_.label, value.dump()));
  return *text;
}

std::string LineReader::text_in(const json& value, const std::string& path) const {
  if (!value.is_string()) refuse(fmt::format("'{}' is not a text", path));
  return value.get<std::string>();
}

std::string LineReader::joined(const json& list, const Input& input) const {
  if (!list.is_array()) refuse(fmt::format("'{}' is not a list of texts", input.path));
  std::string all;
  for (const json& entry : list) all += (all.empty() ? "" : input.join) + text_in(entry, input.path);
  return all;
}

std::string LineReader::marked(const json& object, const Input& input, std::string text) const {
  std::vector<Span> spans;
  for (const SpanMark& mark : input.marks) {
    const json& at = member(object, mark.at);
    if (!at.is_number_integer()) refuse(fmt::format("'{}' is not an integer", mark.at));
    Span span{.at = at.get<int64_t>(),
              .text = text_in(member(object, mark.text), mark.text),
              .before = mark.before,
              .behind = mark.behind};
    if (span.text.empty() || !holds(text, span))
      refuse(fmt::format("'{}' has no '{}' at its character {}", input.path, span.text, span.at));
    for (const Span& other : spans)
      if (overlap(span, other))
        refuse(fmt::format("'{}' and '{}' overlap in '{}'", other.text, span.text, input.path));
    spans.push_back(std::move(span));
  }
  return with_marks(std::move(text), std::move(spans));
}

std::string LineReader::value(const json& object, const Input& input, int64_t& deleted) const {
  const json& found = member(object, input.path);
  std::string text = input.join.empty() ? text_in(found, input.path) : joined(found, input);
  if (!input.marks.empty()) text = marked(object, input, std::move(text));
  for (const std::string_view invisible : {"\xEF\xBB\xBF", "\xE2\x80\x8B"})
    deleted += erase_all(text, invisible);
  if (text.find_first_not_of(" \t\r\n") == std::string::npos)
    refuse(fmt::format("'{}' is empty", input.path));
  if (!input.gap.empty() && occurrences(text, input.gap) != 1)
    refuse(
        fmt::format("'{}' holds {} {} times, not once", input.path, input.gap, occurrences(text, input.gap)));
  return text;
}

std::vector<std::string> LineReader::candidates(const json& object) const {
  const std::string& path = task_.candidates->path;
  const json& list = member(object, path);
  if (!list.is_array() || list.size() != task_.candidates->count)
    refuse(fmt::format("'{}' is not a list of {} texts", path, task_.candidates->count));
  std::vector<std::string> texts;
  for (const json& entry : list) {
    texts.push_back(text_in(entry, path));
    if (texts.back().empty()) refuse(fmt::format("'{}' holds an empty text", path));
    if (std::ranges::count(texts, texts.back()) > 1)
      refuse(fmt::format("'{}' holds '{}' twice", path, texts.back()));
  }
  return texts;
}

size_t LineReader::candidate_number(const std::string& text) const {
  size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number >= task_.candidates->count)
    refuse(fmt::format("'{}' is {}, but the candidates are 0 to {}", task_.label, text,
                       task_.candidates->count - 1));
  return number;
}

size_t LineReader::label_number(const std::string& label) const {
  const auto found = std::ranges::find(task_.labels, label);
  if (found == task_.labels.end())
    refuse(fmt::format("the label '{}' is none of the {} of {}; the nearest is '{}'", label,
                       task_.labels.size(), task_.name, nearest_name(label, task_.labels)));
  return static_cast<size_t>(found - task_.labels.begin());
}

}  // namespace tandem::tasks
