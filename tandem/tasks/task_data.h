// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tandem/tasks/rows.h"
#include "tandem/tasks/task.h"

namespace tandem::tasks {

/// Unlabeled texts that are in a test file.
struct TestTexts {
  std::string test;   ///< the test file's name
  int64_t texts = 0;  ///< that differ
  int64_t lines = 0;  ///< of the unlabeled file
};

/// What may be learned from without answers.
struct Unlabeled {
  std::vector<Row> rows;        ///< without those whose text is in a test file
  int64_t dropped = 0;          ///< lines that are not in `rows`
  std::vector<TestTexts> from;  ///< by test file; a line can be in two
};

/// Tells whether a folder holds a task's file.
bool holds(const std::filesystem::path& folder, const TaskFile& file);

/// The files of a task in a folder of their own, each read once, when it is asked for. Not thread safe.
class TaskData {
 public:
  /// Throws InputError where the folder is none, or holds no file of the task. `task` must outlive this.
  TaskData(const Task& task, std::filesystem::path folder);

  const Task& task() const { return task_; }
  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path path_of(const TaskFile& file) const { return folder_ / file.file; }
  bool has(const TaskFile& file) const { return holds(folder_, file); }

  /// Returns the lines of a file as they are. Throws as read_rows does; InputError for a name that the task
  /// does not know and for a file that the folder does not hold.
  const Rows& rows(const std::string& name);

  /// Returns the lines of a file to learn from or to choose by, `train…` or `dev…`. Throws InputError for
  /// another, and for one that is a test file after all: the same file, or at least half of its texts in one.
  const Rows& training_rows(const std::string& name);

  /// Returns the texts of a file's rows, each once. Throws as rows.
  const std::set<std::string>& texts(const std::string& name);

  /// Returns the unlabeled texts, none of which is in a test file; all empty where there is no such file.
  Unlabeled unlabeled();

 private:
  std::vector<TaskFile> test_files() const;
  void refuse_tests(const TaskFile& file);

  const Task& task_;
  std::filesystem::path folder_;
  std::map<std::string, Rows> read_;
  std::map<std::string, std::set<std::string>> texts_;
  std::set<std::string> fit_for_training_;  // names that training_rows has found to be so
};

}  // namespace tandem::tasks
