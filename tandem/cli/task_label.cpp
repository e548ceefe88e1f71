// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tandem/adapt/evaluation.h"
#include "tandem/adapt/soft_labels.h"
#include "tandem/adapt/tuning_record.h"
#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/cli/command.h"
#include "tandem/cli/output.h"
#include "tandem/cli/task_files.h"
#include "tandem/cli/task_model.h"

namespace tandem::cli {
namespace {

// A pattern that answers nothing rightly before tuning still has a voice.
constexpr double kLeastWeight = 0.01;

struct LabelOptions {
  TaskOptions where;
  std::vector<std::string> checkpoints;
  std::string pattern;
  std::string output;
  size_t rows = 0;
  double temperature = 2;
  Output print;
};

// How often the pattern is right on the training rows before any tuning (PET's weight of a pattern).
double weight_before_tuning(tasks::TaskData& data, const adapt::TuningRecord& record) {
  const tasks::Task& task = data.task();
  const adapt::TunedTask& tuned = *record.find(task.name);
  const tasks::TaskFile& file = task.file_of_split(tasks::FileRole::kTrain, tuned.split);
  const std::vector<tasks::Row>& rows = data.training_rows(file.name).rows;
  const OpenedCheckpoint before({.checkpoint = record.start_from, .tokenizer = {}});
  const tasks::Phrasing phrasing =
      tasks::phrasing_of(task, tuned.patterns.front(), before.tokenizer(), before.trained_lengths());
  const auto scores =
      score_under_bar(*before.load(), phrasing, rows, data.path_of(file), adapt::Correction::kSkip);
  const auto confusion =
      adapt::confusion_of(adapt::answers_of(scores, adapt::ScoreForm::kSum), rows, task.num_classes());
  return std::max(confusion.accuracy(), kLeastWeight);
}

adapt::Opinion opinion_of(tasks::TaskData& data, const std::string& checkpoint,
                          const std::vector<tasks::Row>& rows, const std::filesystem::path& file) {
  const OpenedCheckpoint opened({.checkpoint = checkpoint, .tokenizer = {}});
  const auto record = adapt::tuning_of_step(opened.reader().folder());
  const adapt::TunedTask* tuned = record ? record->find(data.task().name) : nullptr;
  if (tuned == nullptr)
    throw InputError("{} was not tuned for {}; give runs of task train", checkpoint, data.task().name);
  const tasks::Phrasing phrasing =
      tasks::phrasing_of(data.task(), tuned->patterns.front(), opened.tokenizer(), opened.trained_lengths());
  return {.scores = score_under_bar(*opened.load(), phrasing, rows, file, adapt::Correction::kSkip),
          .weight = weight_before_tuning(data, *record)};
}

int label(const LabelOptions& options) {
  const tasks::Task task = load_task(options.where.task);
  tasks::TaskData data(task, options.where.data);
  std::vector<tasks::Row> rows = data.unlabeled().rows;
  if (rows.empty())
    throw InputError("{} holds no unlabeled texts of {} that are in no test file; there is nothing to label",
                     options.where.data, task.name);
  if (options.rows > 0) rows.resize(std::min(options.rows, rows.size()));
  const std::filesystem::path file = data.path_of(*task.unlabeled_file());
  std::vector<adapt::Opinion> opinions;
  for (const std::string& checkpoint : options.checkpoints)
    opinions.push_back(opinion_of(data, checkpoint, rows, file));
  const auto shares = adapt::merged_shares(opinions, options.temperature);

  const OpenedCheckpoint first({.checkpoint = options.checkpoints.front(), .tokenizer = {}});
  const tasks::Phrasing phrasing =
      tasks::phrasing_of(task, options.pattern.empty() ? task.patterns.front().name : options.pattern,
                         first.tokenizer(), first.trained_lengths());
  write_file_atomically(options.output, adapt::soft_pairs_of(phrasing, rows, shares, file.string()));
  nlohmann::ordered_json weights = nlohmann::ordered_json::array();
  for (const adapt::Opinion& opinion : opinions) weights.push_back(opinion.weight);
  return options.print.print({{"task", task.name},
                              {"rows", rows.size()},
                              {"pattern", phrasing.name()},
                              {"weights", weights},
                              {"output", options.output}});
}

}  // namespace

void register_task_label(CLI::App& app, Actions& actions) {
  const auto options = std::make_shared<LabelOptions>();
  options->where.add_to(app);
  app.add_option("--checkpoint", options->checkpoints, "runs of task train, one after the other")
      ->required()
      ->type_name("DIR...");
  app.add_option("--pattern", options->pattern, "that the pairs are written in; default: the task's first");
  app.add_option("--rows", options->rows, "only so many texts, the first; 0: all");
  app.add_option("--temperature", options->temperature, "above 1 flattens the labels")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 100.0));
  app.add_option("--output", options->output, "the file of pairs to write")->required()->type_name("FILE");
  options->print.add_to(app);
  actions.add(app, [options] { return label(*options); });
}

}  // namespace tandem::cli
