// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/task_model.h"

#include <algorithm>
#include <map>

#include "tandem/adapt/tuning_record.h"
#include "tandem/base/error.h"
#include "tandem/observe/progress.h"

namespace tandem::cli {
namespace {

const tasks::TaskFile& file_named(const tasks::Task& task, const std::string& name) {
  const auto found = std::ranges::find(task.files, name, &tasks::TaskFile::file);
  return found == task.files.end() ? task.file(name) : *found;
}

std::string pattern_for(const tasks::Task& task, const std::string& given,
                        const checkpoint::StepReader& step) {
  if (!given.empty()) return given;
  const auto record = adapt::tuning_of_step(step.folder());
  const adapt::TunedTask* tuned = record ? record->find(task.name) : nullptr;
  return tuned != nullptr ? tuned->patterns.front() : task.patterns.front().name;
}

}  // namespace

tasks::Phrasing phrasing_for(const tasks::Task& task, const AnsweringOptions& options,
                             const OpenedCheckpoint& opened) {
  return tasks::phrasing_of(task, pattern_for(task, options.pattern, opened.reader()), opened.tokenizer(),
                            opened.trained_lengths());
}

void AnsweringOptions::add_to(CLI::App& app) {
  add_inference_options(app, inference);
  inference.own_tokenizer_only = true;
  app.add_option("--pattern", pattern,
                 "default: the one that the checkpoint was tuned with, else the task's first; plain: none");
  std::map<std::string, adapt::ScoreForm> forms;
  for (const auto& [name, value] : adapt::kScoreForms) forms[std::string(name)] = value;
  app.add_option("--scoring", form,
                 "how answers are compared: by the sum of their log-probabilities (default), by their mean a "
                 "token, or by the sum less that without a text")
      ->transform(CLI::CheckedTransformer(forms))
      ->type_name("sum|mean|corrected");
}

void AskingOptions::add_to(CLI::App& app, const std::string& default_file) {
  where.add_to(app);
  AnsweringOptions::add_to(app);
  file = default_file;
  app.add_option("--file", file, "which of the task's files: its name, or as `task inspect` shows it")
      ->capture_default_str();
}

AskedTask::AskedTask(const AskingOptions& options)
    : task_(load_task(options.where.task)),
      data_(task_, options.where.data),
      file_(file_named(task_, options.file)),
      opened_(options.inference),
      phrasing_(phrasing_for(task_, options, opened_)) {}

std::vector<adapt::AnswerScores> score_under_bar(const infer::LoadedModel& model,
                                                 const tasks::Phrasing& phrasing,
                                                 const std::vector<tasks::Row>& rows,
                                                 const std::filesystem::path& file,
                                                 adapt::Correction correction) {
  observe::Progress progress(observe::standard_error(),
                             {.label = "answer", .total = std::ssize(rows), .unit = "samples"});
  int64_t done = 0;
  return adapt::score_answers(model, phrasing, rows, file.string(), correction, [&](size_t more) {
    done += static_cast<int64_t>(more);
    progress.update({.done = done});
  });
}

}  // namespace tandem::cli
