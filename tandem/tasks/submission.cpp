// SPDX-License-Identifier: Apache-2.0
#include "tandem/tasks/submission.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <sstream>

#include <nlohmann/json.hpp>

#include "tandem/base/error.h"
#include "tandem/data/text_lines.h"

namespace tandem::tasks {
namespace {

using nlohmann::json;

// Of FewCLUE's list with a file for each split.
constexpr std::array kSplits{"0", "1", "2", "3", "4", "all"};

std::optional<json> value_of(const std::string& text, ValueType type) {
  if (type == ValueType::kText) return json(text);
  const json value = json::parse(text, nullptr, false);
  return value.is_number_integer() ? std::optional(value) : std::nullopt;
}

json expected_id(const Task& task, const Row& row, const std::string& test_file) {
  const std::optional<json> id = value_of(row.id, task.submission.id);
  if (!id)
    throw InputError("{}:{}: the id '{}' is no integer, as a submission of {} needs", test_file, row.line,
                     row.id, task.name);
  return *id;
}

bool is_answer(const Task& task, const json& value) {
  if (value.is_string() != (task.submission.type == ValueType::kText)) return false;
  if (!value.is_string() && !value.is_number_integer()) return false;
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  for (size_t answer = 0; answer < task.num_classes(); ++answer)
    if (task.class_name(answer) == text) return true;
  return false;
}

void check_line(const Task& task, const json& line, const json& id, const std::string& place) {
  const std::string& member = task.submission.member;
  if (!line.is_object() || line.size() != 2 || !line.contains("id") || !line.contains(member))
    throw InputError("{} is no object with \"id\" and \"{}\" alone", place, member);
  if (line["id"] != id || line["id"].type() != id.type())
    throw InputError("{}: the id is {}, but the test file's line has {}; keep its order", place,
                     line["id"].dump(), id.dump());
  if (!is_answer(task, line[member]))
    throw InputError("{}: \"{}\" is {}, which is no answer of {} as {}", place, member, line[member].dump(),
                     task.name, name_of(task.submission.type));
}

}  // namespace

std::string submission_of(const Task& task, const Rows& rows, const std::vector<size_t>& answers,
                          const std::string& test_file) {
  TANDEM_CHECK(answers.size() == rows.rows.size(), "{} answers to {} rows", answers.size(), rows.rows.size());
  std::string lines;
  for (size_t i = 0; i < answers.size(); ++i) {
    const std::optional<json> answer = value_of(task.class_name(answers[i]), task.submission.type);
    TANDEM_CHECK(answer.has_value(), "the label of answer {} is no integer", answers[i]);
    lines += fmt::format("{{\"id\": {}, \"{}\": {}}}\n", expected_id(task, rows.rows[i], test_file).dump(),
                         task.submission.member, answer->dump());
  }
  return lines;
}

void check_submission(const Task& task, const Rows& rows, const std::string& lines, const std::string& name) {
  std::istringstream text(lines);
  std::string line;
  size_t number = 0;
  for (; std::getline(text, line); ++number) {
    if (number == rows.rows.size())
      throw InputError("{} has more lines than the {} of the test file", name, rows.rows.size());
    const std::string place = fmt::format("{}:{}", name, number + 1);
    check_line(task, data::parse_json_line(line, place),
               expected_id(task, rows.rows[number], "the test file"), place);
  }
  if (number < rows.rows.size())
    throw InputError("{} has {} lines, but the test file {}", name, number, rows.rows.size());
}

std::string submission_name(const Task& task, const std::string& split) {
  const std::filesystem::path name = task.submission.file;
  return fmt::format("{}_{}{}", name.stem().string(), split, name.extension().string());
}

bool is_submission_name(const Task& task, const std::string& name) {
  return name == task.submission.file || std::ranges::any_of(kSplits, [&](const char* split) {
           return name == submission_name(task, split);
         });
}

}  // namespace tandem::tasks
