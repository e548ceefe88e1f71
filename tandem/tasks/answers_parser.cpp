// SPDX-License-Identifier: Apache-2.0
#include "tandem/tasks/answers_parser.h"

#include <algorithm>
#include <map>

#include "tandem/tasks/phrasing.h"

namespace tandem::tasks {
namespace {

using nlohmann::json;

constexpr size_t kMaxLabels = 4096;

/// The words of labels for patterns without their own.
using DefaultWords = std::map<std::string, Words>;

Candidates candidates_in(UserMembers members) {
  Candidates candidates{
      .path = members.path("path"),
      .count = static_cast<size_t>(members.integer("count", {.minimum = 2, .maximum = int64_t{kMaxLabels}}))};
  members.finish();
  return candidates;
}

// Each label is a text, or one with words.
DefaultWords read_labels(UserMembers& members, Task& task) {
  const json& entries = members.array("labels");
  if (entries.size() < 2 || entries.size() > kMaxLabels)
    members.refuse(fmt::format("'labels' are {}, outside 2 to {}", entries.size(), kMaxLabels));
  DefaultWords words;
  for (const json& entry : entries) {
    const json whole = entry.is_string() ? json{{"label", entry}} : entry;
    UserMembers one(whole, fmt::format("{}: labels[{}]", members.place(), task.labels.size()));
    std::string label = one.short_text("label");
    if (std::ranges::count(task.labels, label) > 0) one.refuse(fmt::format("'{}' is there twice", label));
    if (one.find("words") != nullptr) words[label] = one.text_or_texts("words");
    one.finish();
    task.labels.push_back(std::move(label));
  }
  return words;
}

std::vector<Words> own_words(UserMembers members, const Task& task) {
  std::vector<Words> all;
  for (const std::string& label : task.labels) all.push_back(members.text_or_texts(label));
  members.finish();
  return all;
}

std::vector<Words> default_words(const UserMembers& members, const Task& task, const DefaultWords& words) {
  std::vector<Words> all;
  for (const std::string& label : task.labels) {
    const auto found = words.find(label);
    if (found == words.end())
      members.refuse(fmt::format("the label '{}' has no words, neither here nor in 'labels'", label));
    all.push_back(found->second);
  }
  return all;
}

void check_words(const UserMembers& members, const Task& task, const TaskPattern& pattern) {
  const size_t num_gaps = pattern.pattern.num_gaps();
  std::map<Words, std::string> labels;
  for (size_t label = 0; label < pattern.words.size(); ++label) {
    const Words& words = pattern.words[label];
    if (words.size() != num_gaps)
      members.refuse(fmt::format("the pattern has {} gaps, but the label '{}' has {} words", num_gaps,
                                 task.labels[label], words.size()));
    // Labels that are written alike could never be told apart.
    const auto [other, is_new] = labels.emplace(words, task.labels[label]);
    if (!is_new)
      members.refuse(fmt::format("the labels '{}' and '{}' are both written '{}'", other->second,
                                 task.labels[label], fmt::join(words, "', '")));
  }
}

TaskPattern pattern_in(UserMembers members, const Task& task, const DefaultWords& words) {
  TaskPattern pattern{.name = members.short_text("name"),
                      .pattern = Pattern(members.text("text"), task.inputs, members.place()),
                      .words = {}};
  if (pattern.name == Phrasing::kPlain)
    members.refuse(fmt::format("'name' is '{}', which means no pattern", pattern.name));
  if (std::ranges::count(task.patterns, pattern.name, &TaskPattern::name) > 0)
    members.refuse(fmt::format("'name' is '{}', as of another pattern", pattern.name));
  if (task.candidates && pattern.pattern.num_gaps() != 1)
    members.refuse("the pattern has more than the one gap of a candidate");
  if (!task.candidates)
    pattern.words = members.find("words") != nullptr ? own_words(members.group("words"), task)
                                                     : default_words(members, task, words);
  check_words(members, task, pattern);
  members.finish();
  return pattern;
}

}  // namespace

void read_answers(UserMembers& members, Task& task) {
  const bool has_labels = members.find("labels") != nullptr;
  if (has_labels == (members.find("candidates") != nullptr))
    members.refuse("needs either 'labels' or 'candidates'");
  DefaultWords words;
  if (has_labels)
    words = read_labels(members, task);
  else
    task.candidates = candidates_in(members.group("candidates"));
  for (const json& entry : members.array("patterns")) {
    const std::string place = fmt::format("{}: patterns[{}]", members.place(), task.patterns.size());
    task.patterns.push_back(pattern_in({entry, place}, task, words));
  }
  if (task.patterns.empty()) members.refuse("'patterns' is empty");
}

}  // namespace tandem::tasks
