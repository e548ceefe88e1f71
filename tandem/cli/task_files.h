// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "tandem/tasks/task.h"

namespace tandem::cli {

/// Explains the argument that `load_task` takes.
inline constexpr const char* kTaskHelp = "a task of `tandem task list`, or the path of a task file (.json)";

/// Which task, and where its files are.
struct TaskOptions {
  std::string task;
  std::string data;

  /// Adds --task and --data; this must outlive the parsing.
  void add_to(CLI::App& app);
};

/// Returns the folder of the tasks that come with the program: `tasks` beside it, or
/// ../share/tandem/tasks. Throws EnvironmentError naming both where neither is there.
std::filesystem::path tasks_folder();

/// Returns the task files of a folder, by name.
std::vector<std::filesystem::path> task_files(const std::filesystem::path& folder);

/// Reads a task by its name, or by the path of its file, which ends with .json. Throws InputError with the
/// nearest name for an unknown one, and as tasks::read_task does.
tasks::Task load_task(const std::string& name_or_path);

}  // namespace tandem::cli
