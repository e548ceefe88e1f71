// SPDX-License-Identifier: Apache-2.0
#include "tandem/tasks/task_data.h"

#include <algorithm>
#include <set>
#include <utility>

#include "tandem/base/error.h"
#include "tandem/base/paths.h"

namespace tandem::tasks {

namespace fs = std::filesystem;

TaskData::TaskData(const Task& task, fs::path folder) : task_(task), folder_(std::move(folder)) {
  std::error_code ignored;
  if (!fs::is_directory(folder_, ignored))
    throw InputError("{} is no folder; --data names the folder with the files of {}", folder_.string(),
                     task.name);
  if (std::ranges::none_of(task.files, [this](const TaskFile& file) { return has(file); }))
    throw InputError("{} holds no file of {}, such as {}; --data names the folder of this one task",
                     folder_.string(), task.name, task.files.front().file);
}

bool holds(const fs::path& folder, const TaskFile& file) {
  std::error_code ignored;
  return fs::exists(folder / file.file, ignored);
}

const Rows& TaskData::rows(const std::string& name) {
  const auto found = read_.find(name);
  if (found != read_.end()) return found->second;
  const TaskFile& file = task_.file(name);
  return read_.emplace(name, read_rows(task_, file.role, path_of(file))).first->second;
}

std::vector<TaskFile> TaskData::test_files() const {
  std::vector<TaskFile> files;
  for (const TaskFile& file : task_.files)
    if (is_test(file.role) && has(file)) files.push_back(file);
  return files;
}

const std::set<std::string>& TaskData::texts(const std::string& name) {
  const auto found = texts_.find(name);
  return found != texts_.end() ? found->second : texts_.emplace(name, rows(name).texts()).first->second;
}

void TaskData::refuse_tests(const TaskFile& file) {
  const Rows& training = rows(file.name);
  for (const TaskFile& test : test_files()) {
    const std::set<std::string>& in_test = texts(test.name);
    const auto shared =
        std::ranges::count_if(training.rows, [&](const Row& row) { return in_test.contains(row.text()); });
    if (is_same_place(path_of(file), path_of(test)) ||
        2 * static_cast<size_t>(shared) >= training.rows.size())
      throw InputError("{}: {} of its {} lines are in the test file {}; train on other lines",
                       path_of(file).string(), shared, training.rows.size(), test.file);
  }
}

const Rows& TaskData::training_rows(const std::string& name) {
  const TaskFile& file = task_.file(name);
  if (file.role != FileRole::kTrain && file.role != FileRole::kDev)
    throw InputError("{} of {} is not there to be trained on; name a file train… or dev…", name, task_.name);
  if (!fit_for_training_.contains(name)) {
    refuse_tests(file);
    fit_for_training_.insert(name);
  }
  return rows(name);
}

Unlabeled TaskData::unlabeled() {
  Unlabeled result;
  const TaskFile* file = task_.unlabeled_file();
  if (file == nullptr || !has(*file)) return result;
  std::set<std::string> all_tests;
  const std::set<std::string>& unlabeled = texts(file->name);
  for (const TaskFile& test : test_files()) {
    const std::set<std::string>& in_test = texts(test.name);
    const auto is_in_test = [&](const std::string& text) { return in_test.contains(text); };
    result.from.push_back({.test = test.name,
                           .texts = std::ranges::count_if(unlabeled, is_in_test),
                           .lines = std::ranges::count_if(rows(file->name).rows, is_in_test, &Row::text)});
    all_tests.insert(in_test.begin(), in_test.end());
  }
  for (const Row& row : rows(file->name).rows)
    if (!all_tests.contains(row.text())) result.rows.push_back(row);
  result.dropped = static_cast<int64_t>(rows(file->name).rows.size() - result.rows.size());
  return result;
}

}  // namespace tandem::tasks
