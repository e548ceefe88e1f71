// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/task_files.h"

#include <algorithm>

#include "tandem/base/error.h"
#include "tandem/base/nearest.h"
#include "tandem/cli/program_folder.h"
#include "tandem/tasks/task_parser.h"

namespace tandem::cli {

namespace fs = std::filesystem;

void TaskOptions::add_to(CLI::App& app) {
  app.add_option("--task", task, kTaskHelp)->required();
  app.add_option("--data", data, "the folder with the task's files")->required()->type_name("FOLDER");
}

fs::path tasks_folder() {
  const fs::path beside = program_folder() / "tasks";
  const fs::path shared = program_folder().parent_path() / "share/tandem/tasks";
  std::error_code ignored;
  for (const fs::path& folder : {beside, shared})
    if (fs::is_directory(folder, ignored)) return folder;
  throw EnvironmentError("no tasks in {} nor in {}; build or install them there, or name a file with --task",
                         beside.string(), shared.string());
}

std::vector<fs::path> task_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

tasks::Task load_task(const std::string& name_or_path) {
  if (name_or_path.ends_with(".json")) return tasks::read_task(name_or_path);
  std::vector<std::string> names;
  for (const fs::path& file : task_files(tasks_folder())) {
    if (file.stem() == name_or_path) return tasks::read_task(file);
    names.push_back(file.stem());
  }
  throw InputError("there is no task '{}'; the nearest is '{}', and `tandem task list` shows all",
                   name_or_path, nearest_name(name_or_path, names));
}

}  // namespace tandem::cli
