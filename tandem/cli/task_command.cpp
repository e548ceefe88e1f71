// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tandem/adapt/training_files.h"
#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/cli/command.h"
#include "tandem/cli/output.h"
#include "tandem/cli/task_files.h"
#include "tandem/cli/task_pack.h"
#include "tandem/cli/task_print.h"
#include "tandem/cli/task_reports.h"
#include "tandem/cli/task_run.h"
#include "tandem/tasks/task_data.h"
#include "tandem/tasks/task_parser.h"

namespace tandem::cli {
namespace {

using nlohmann::ordered_json;

int list(const Output& print) {
  const std::filesystem::path folder = tasks_folder();
  ordered_json found = ordered_json::array();
  for (const std::filesystem::path& file : task_files(folder))
    found.push_back(describe_task(tasks::read_task(file)));
  if (print.json) return print_json({{"folder", folder.string()}, {"tasks", found}}), 0;
  for (const ordered_json& task : found) print_task(task);
  return 0;
}

void register_list(CLI::App& parent, Actions& actions) {
  const auto print = std::make_shared<Output>();
  CLI::App* app =
      parent.add_subcommand("list", "Show the tasks that come with tandem: labels, patterns, metric");
  print->add_to(*app);
  actions.add(*app, [print] { return list(*print); });
}

struct InspectOptions {
  TaskOptions where;
  Output print;
};

int inspect(const InspectOptions& options) {
  const tasks::Task task = load_task(options.where.task);
  tasks::TaskData data(task, options.where.data);
  const ordered_json document = describe_task_data(data);
  options.print.json ? print_json(document) : print_task_data(document);
  return 0;
}

void register_task_inspect(CLI::App& parent, Actions& actions) {
  const auto options = std::make_shared<InspectOptions>();
  CLI::App* app = parent.add_subcommand(
      "inspect", "Read all of a task's data; show counts, balance, duplicates, overlaps, and its patterns");
  options->where.add_to(*app);
  options->print.add_to(*app);
  actions.add(*app, [options] { return inspect(*options); });
}

struct TextsOptions {
  TaskOptions where;
  std::string output;
  Output print;
};

int write_texts(const TextsOptions& options) {
  const tasks::Task task = load_task(options.where.task);
  tasks::TaskData data(task, options.where.data);
  const tasks::Unlabeled unlabeled = data.unlabeled();
  const std::vector<std::string> texts = adapt::texts_of(task, unlabeled.rows);
  if (texts.empty())
    throw InputError("{} holds no unlabeled texts of {}; there is nothing to write", options.where.data,
                     task.name);
  write_file_atomically(options.output, adapt::documents_of(texts));
  return options.print.print({{"task", task.name},
                              {"texts", texts.size()},
                              {"rows", unlabeled.rows.size()},
                              {"dropped", unlabeled.dropped},
                              {"output", options.output}});
}

void register_task_texts(CLI::App& parent, Actions& actions) {
  const auto options = std::make_shared<TextsOptions>();
  CLI::App* app = parent.add_subcommand(
      "texts", "Write a task's unlabeled texts as documents to pretrain on, without those of its test files");
  options->where.add_to(*app);
  app->add_option("--output", options->output, "the .jsonl file to write, {\"text\": …} a line")->required();
  options->print.add_to(*app);
  actions.add(*app, [options] { return write_texts(*options); });
}

}  // namespace

void register_task(CLI::App& app, Actions& actions) {
  app.require_subcommand(1);
  register_list(app, actions);
  register_task_inspect(app, actions);
  register_task_texts(app, actions);
  register_task_run(app, actions);
  register_task_pack(app, actions);
}

}  // namespace tandem::cli
