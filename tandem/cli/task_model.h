// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "tandem/adapt/answering.h"
#include "tandem/cli/inference_options.h"
#include "tandem/cli/task_files.h"
#include "tandem/tasks/phrasing.h"
#include "tandem/tasks/task_data.h"

namespace tandem::cli {

/// How a model answers.
struct AnsweringOptions {
  InferenceOptions inference;
  std::string pattern;
  adapt::ScoreForm form = adapt::ScoreForm::kSum;

  /// Adds all of it; this must outlive the parsing.
  void add_to(CLI::App& app);
  /// Returns whether answers are to be scored without a text too.
  adapt::Correction correction() const {
    return form == adapt::ScoreForm::kCorrected ? adapt::Correction::kCompute : adapt::Correction::kSkip;
  }
};

/// Makes the phrasing in which a checkpoint is asked: the pattern that is named, or the one that it was tuned
/// with, or the task's first. The task must outlive it. Throws as OpenedCheckpoint and phrasing_of do.
tasks::Phrasing phrasing_for(const tasks::Task& task, const AnsweringOptions& options,
                             const OpenedCheckpoint& opened);

/// How a model is asked a task's questions.
struct AskingOptions : AnsweringOptions {
  TaskOptions where;
  std::string file;

  /// Adds all of it, --file with this default; this must outlive the parsing.
  void add_to(CLI::App& app, const std::string& default_file);
};

/// Scores the answers of rows behind a progress bar; errors as adapt::score_answers.
std::vector<adapt::AnswerScores> score_under_bar(const infer::LoadedModel& model,
                                                 const tasks::Phrasing& phrasing,
                                                 const std::vector<tasks::Row>& rows,
                                                 const std::filesystem::path& file,
                                                 adapt::Correction correction);

/// A task's file and the checkpoint that answers it.
class AskedTask {
 public:
  /// Opens both and makes the phrasing. Throws as load_task, TaskData, OpenedCheckpoint and phrasing_for do;
  /// InputError for a file that the task does not have and a tokenizer that is not the checkpoint's.
  explicit AskedTask(const AskingOptions& options);
  AskedTask(const AskedTask&) = delete;
  AskedTask& operator=(const AskedTask&) = delete;

  const tasks::Task& task() const { return task_; }
  tasks::TaskData& data() { return data_; }
  const tasks::TaskFile& file() const { return file_; }
  const tasks::Phrasing& phrasing() const { return phrasing_; }
  const checkpoint::StepReader& step() const { return opened_.reader(); }
  const std::vector<tasks::Row>& rows() { return data_.rows(file_.name).rows; }

  /// Loads the model; errors as OpenedCheckpoint::load.
  std::unique_ptr<const infer::LoadedModel> load() const { return opened_.load(); }
  /// Scores all answers behind a progress bar.
  std::vector<adapt::AnswerScores> score(const infer::LoadedModel& model, adapt::Correction correction) {
    return score_under_bar(model, phrasing_, rows(), data_.path_of(file_), correction);
  }

 private:
  tasks::Task task_;
  tasks::TaskData data_;
  const tasks::TaskFile& file_;
  OpenedCheckpoint opened_;
  tasks::Phrasing phrasing_;
};

}  // namespace tandem::cli
