// SPDX-License-Identifier: Apache-2.0
#include "tandem/tasks/results_parser.h"

#include <algorithm>
#include <array>

namespace tandem::tasks {
namespace {

constexpr std::array kMetrics{Choice<Metric>{"accuracy", Metric::kAccuracy}};
constexpr std::array kFloors{Choice<FloorKind>{"characters", FloorKind::kCharacters},
                             Choice<FloorKind>{"overlap", FloorKind::kOverlap}};
constexpr std::array kTypes{Choice<ValueType>{"integer", ValueType::kInteger},
                            Choice<ValueType>{"text", ValueType::kText}};

bool is_integer(const std::string& text) {
  const size_t digits = text.starts_with('-') ? 1 : 0;
  return text.size() > digits && text.size() < 18 && (text[digits] != '0' || text == "0") &&
         text.find_first_not_of("0123456789", digits) == std::string::npos;
}

Floor floor_in(UserMembers members, const Task& task) {
  Floor floor{.kind = members.choice("kind", kFloors), .inputs = {}};
  for (const std::string& name : members.texts("inputs")) {
    const auto found = std::ranges::find(task.inputs, name, &Input::name);
    if (found == task.inputs.end()) members.refuse(fmt::format("'{}' is no input of the task", name));
    floor.inputs.push_back(static_cast<size_t>(found - task.inputs.begin()));
  }
  members.finish();
  if (task.candidates) members.refuse("learns labels, but each line has its own candidates; leave it out");
  if (floor.kind == FloorKind::kOverlap && (floor.inputs.size() != 2 || task.labels.size() != 2))
    members.refuse("an overlap is that of two inputs, for two labels");
  return floor;
}

// By characters, of everything that is shown.
Floor usual_floor(const Task& task) {
  Floor floor;
  for (size_t input = 0; input < task.inputs.size(); ++input) floor.inputs.push_back(input);
  return floor;
}

double percent(UserMembers& members, const std::string& key) {
  const double value = members.number(key);
  if (!(value >= 0 && value <= 100)) members.refuse(fmt::format("'{}' is {}, outside 0 to 100", key, value));
  return value;
}

PublishedResult published_in(UserMembers members) {
  PublishedResult result{
      .method = members.short_text("method"), .accuracy = percent(members, "accuracy"), .spread = {}};
  if (members.find("spread") != nullptr) result.spread = percent(members, "spread");
  members.finish();
  return result;
}

Submission submission_in(UserMembers members, const Task& task) {
  Submission submission{.file = members.short_text("file"),
                        .id = members.choice("id", kTypes),
                        .member = members.short_text("member"),
                        .type = members.choice("type", kTypes)};
  members.finish();
  if (!is_file_name(submission.file)) members.refuse("'file' is no file's name");
  if (submission.member == "id") members.refuse("'member' is 'id', which is there already");
  if (submission.type == ValueType::kInteger)
    for (const std::string& label : task.labels)
      if (!is_integer(label))
        members.refuse(fmt::format("'type' is integer, but the label '{}' is none", label));
  return submission;
}

}  // namespace

void read_results(UserMembers& members, Task& task) {
  task.metric = members.choice("metric", kMetrics);
  if (!task.candidates) task.floor = usual_floor(task);
  if (members.find("floor") != nullptr) task.floor = floor_in(members.group("floor"), task);
  if (members.find("published") != nullptr)
    for (const nlohmann::json& entry : members.array("published")) {
      const std::string place = fmt::format("{}: published[{}]", members.place(), task.published.size());
      task.published.push_back(published_in({entry, place}));
    }
  task.submission = submission_in(members.group("submission"), task);
}

}  // namespace tandem::tasks
