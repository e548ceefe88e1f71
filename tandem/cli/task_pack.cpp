// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/task_pack.h"

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/cli/output.h"
#include "tandem/cli/task_files.h"
#include "tandem/tasks/archive.h"
#include "tandem/tasks/submission.h"
#include "tandem/tasks/task_data.h"
#include "tandem/tasks/task_parser.h"

namespace tandem::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

struct PackOptions {
  std::vector<std::string> files;
  std::string data;
  std::string output;
  Output print;
};

std::vector<tasks::Task> shipped_tasks() {
  std::vector<tasks::Task> all;
  for (const fs::path& file : task_files(tasks_folder())) all.push_back(tasks::read_task(file));
  return all;
}

const tasks::Task& task_answered_by(const std::vector<tasks::Task>& all, const fs::path& file) {
  for (const tasks::Task& task : all)
    if (tasks::is_submission_name(task, file.filename())) return task;
  throw InputError("{}: no task's answers are called so; a benchmark takes names like {}, and {} of a split",
                   file.string(), all.front().submission.file, tasks::submission_name(all.front(), "0"));
}

int pack(const PackOptions& options) {
  const std::vector<tasks::Task> all = shipped_tasks();
  std::map<std::string, tasks::TaskData> read;
  std::map<std::string, std::string> packed;
  ordered_json shown = ordered_json::array();
  for (const fs::path file : options.files) {
    const tasks::Task& task = task_answered_by(all, file);
    tasks::TaskData& data =
        read.try_emplace(task.name, task, fs::path(options.data) / task.name).first->second;
    const tasks::Rows& rows = data.rows("test");
    std::string lines = read_file(file);
    tasks::check_submission(task, rows, lines, file);
    if (!packed.emplace(file.filename(), std::move(lines)).second)
      throw InputError("{}: another file of this name is given too; name each once", file.string());
    shown.push_back({{"name", file.filename()}, {"task", task.name}, {"answers", rows.rows.size()}});
  }
  write_file_atomically(options.output, tasks::zip_archive(packed));
  if (options.print.json) return print_json({{"output", options.output}, {"files", shown}}), 0;
  std::vector<std::vector<std::string>> table{{"file", "task", "answers"}};
  for (const ordered_json& file : shown)
    table.push_back(
        {file["name"].get<std::string>(), file["task"].get<std::string>(), file["answers"].dump()});
  print_table(table);
  return 0;
}

}  // namespace

void register_task_pack(CLI::App& parent, Actions& actions) {
  const auto options = std::make_shared<PackOptions>();
  CLI::App* app = parent.add_subcommand("pack",
                                        "Check what `task predict` wrote for some tasks against their test "
                                        "files, and make the benchmark's zip");
  app->add_option("FILE", options->files, "files called as the benchmark calls them: tnewsf_predict.json, …")
      ->required();
  app->add_option("--data", options->data, "the folder of the tasks' folders, each called as its task")
      ->required()
      ->type_name("FOLDER");
  app->add_option("--output", options->output, "the .zip file to write")->required()->type_name("FILE");
  options->print.add_to(*app);
  actions.add(*app, [options] { return pack(*options); });
}

}  // namespace tandem::cli
