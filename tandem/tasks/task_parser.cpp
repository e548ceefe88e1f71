// SPDX-License-Identifier: Apache-2.0
#include "tandem/tasks/task_parser.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "tandem/base/atomic_file.h"
#include "tandem/base/strict_json.h"
#include "tandem/tasks/answers_parser.h"
#include "tandem/tasks/results_parser.h"
#include "tandem/tasks/user_members.h"

namespace tandem::tasks {
namespace {

using nlohmann::json;

constexpr std::array kRoles{
    Choice<FileRole>{"train", FileRole::kTrain}, Choice<FileRole>{"dev", FileRole::kDev},
    Choice<FileRole>{"test_public", FileRole::kTestPublic}, Choice<FileRole>{"test", FileRole::kTest},
    Choice<FileRole>{"unlabeled", FileRole::kUnlabeled}};
constexpr std::array kFormats{Choice<int>{"json_lines", 0}};
constexpr std::array kCuts{Choice<Cut>{"never", Cut::kNever}, Choice<Cut>{"start", Cut::kFromStart},
                           Choice<Cut>{"end", Cut::kFromEnd}, Choice<Cut>{"far_from_gap", Cut::kFarFromGap}};

class Parser {
 public:
  Parser(const json& root, const std::string& place) : members_(root, place) {}

  Task parse() {
    Task task;
    task.name = members_.short_text("name");
    if (!is_word(task.name)) members_.refuse("'name' may hold letters, digits and _ only");
    task.summary = members_.short_text("summary");
    members_.choice("format", kFormats);
    task.files = files();
    task.id = members_.texts("id");
    task.inputs = inputs();
    task.label = members_.path("label");
    check_secrecy(task);
    read_answers(members_, task);
    if (members_.find("left_out") != nullptr) task.left_out = left_out(task);
    read_results(members_, task);
    members_.finish();
    return task;
  }

 private:
  std::vector<TaskFile> files() {
    UserMembers members = members_.group("files");
    std::vector<TaskFile> files;
    for (const auto& [name, unused] : members_.object("files").items()) {
      files.push_back({.name = name, .role = role_of(name, members), .file = members.short_text(name)});
      if (!is_file_name(files.back().file))
        members.refuse(fmt::format("'{}' is '{}', which is no file's name", name, files.back().file));
    }
    if (files.empty()) members.refuse("names no file");
    std::ranges::sort(files, {}, [](const TaskFile& file) { return std::tie(file.role, file.name); });
    check_files(files, members);
    return files;
  }

  static FileRole role_of(const std::string& name, const UserMembers& members) {
    for (const auto& [role_name, role] : kRoles) {
      if (name == role_name) return role;
      const bool is_split = role == FileRole::kTrain || role == FileRole::kDev;
      if (is_split && is_word(name) && name.starts_with(std::string(role_name) + "_")) return role;
    }
    members.refuse(fmt::format(
        "'{}' is none of: train, train_SPLIT, dev, dev_SPLIT, test_public, test, unlabeled", name));
  }

  static void check_files(const std::vector<TaskFile>& files, const UserMembers& members) {
    std::map<std::string, std::string> uses;
    std::map<std::string, int> halves;
    for (const TaskFile& file : files) {
      const auto [use, is_new] = uses.emplace(file.file, file.name);
      if (!is_new)
        members.refuse(fmt::format("'{}' and '{}' are one file, {}", use->second, file.name, file.file));
      if (file.role <= FileRole::kDev) ++halves[split_of(file)];
    }
    for (const auto& [split, count] : halves)
      if (count != 2)
        members.refuse(fmt::format("'train{0}' or 'dev{0}' is there without the other",
                                   split.empty() ? "" : "_" + split));
  }

  std::vector<Input> inputs() {
    UserMembers members = members_.group("inputs");
    std::vector<Input> inputs;
    for (const auto& [name, value] : members_.object("inputs").items()) {
      if (!is_word(name)) members.refuse(fmt::format("'{}' may hold letters, digits and _ only", name));
      UserMembers fields(value, fmt::format("{}: {}", members.place(), name));
      inputs.push_back(input(name, fields));
    }
    if (inputs.empty()) members.refuse("names no input");
    return inputs;
  }

  static Input input(const std::string& name, UserMembers& fields) {
    Input input{.name = name,
                .path = fields.path("path"),
                .join = fields.optional_text("join"),
                .gap = fields.optional_text("gap")};
    if (fields.find("cut") != nullptr) input.cut = fields.choice("cut", kCuts);
    if (fields.find("marks") != nullptr) input.marks = marks(fields);
    if (!input.gap.empty() && (input.cut == Cut::kFromStart || input.cut == Cut::kFromEnd))
      fields.refuse("'cut' could cut the gap away; make it far_from_gap or never");
    if (input.gap.empty() && input.cut == Cut::kFarFromGap)
      fields.refuse("'cut' speaks of a gap, but there is no 'gap'");
    if (!input.marks.empty() && input.cut != Cut::kNever)
      fields.refuse("'cut' could cut what is marked; leave it out");
    fields.finish();
    return input;
  }

  static std::vector<SpanMark> marks(UserMembers& fields) {
    std::vector<SpanMark> marks;
    for (const json& entry : fields.array("marks")) {
      UserMembers members(entry, fmt::format("{}: marks[{}]", fields.place(), marks.size()));
      marks.push_back({.text = members.path("text"),
                       .at = members.path("at"),
                       .before = members.short_text("before"),
                       .behind = members.short_text("behind")});
      members.finish();
    }
    return marks;
  }

  void check_secrecy(const Task& task) const {
    for (const Input& input : task.inputs)
      if (input.path == task.label)
        members_.refuse(fmt::format("the input '{}' shows the label, '{}'", input.name, task.label));
  }

  std::vector<std::string> left_out(const Task& task) {
    std::vector<std::string> labels = members_.texts("left_out");
    for (const std::string& label : labels)
      if (std::ranges::count(task.labels, label) > 0)
        members_.refuse(fmt::format("'left_out' holds '{}', which is one of 'labels'", label));
    return labels;
  }

  UserMembers members_;
};

}  // namespace

Task parse_task(const std::string& text, const std::string& place) {
  return Parser(parse_strict_json(text, place), place).parse();
}

Task read_task(const std::filesystem::path& path) {
  return parse_task(read_file(path.string()), path.string());
}

}  // namespace tandem::tasks
