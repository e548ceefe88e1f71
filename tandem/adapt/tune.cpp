// SPDX-License-Identifier: Apache-2.0
#include "tandem/adapt/tune.h"

#include <chrono>
#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "tandem/adapt/answering.h"
#include "tandem/adapt/evaluation.h"
#include "tandem/adapt/spread.h"
#include "tandem/adapt/tuning_record.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/step_folders.h"
#include "tandem/infer/loaded_model.h"
#include "tandem/observe/log.h"

namespace tandem::adapt {
namespace {

namespace fs = std::filesystem;

TuningRecord record_of(const Recipe& recipe, const checkpoint::StepReader& base) {
  TuningRecord record{.start_from = fs::absolute(base.folder()).lexically_normal().string(),
                      .tasks = {},
                      .results = {},
                      .chosen = {}};
  for (const RecipeTask& task : recipe.tasks)
    record.tasks.push_back({.task = task.task.name, .split = task.split, .patterns = task.patterns});
  return record;
}

// What the folder holds of this tuning; nothing where it is new.
std::optional<TuningRecord> find_record(const fs::path& run, const TuningRecord& wanted) {
  const auto found = read_tuning_record(run);
  std::error_code ignored;
  if (!found && fs::exists(run / "config.json", ignored))
    throw InputError("{} holds a run that is no tuning; name another --output", run.string());
  if (found && (found->tasks != wanted.tasks || found->start_from != wanted.start_from))
    throw InputError("{} holds another tuning, from {} ({} says of what); name another --output",
                     run.string(), found->start_from, TuningRecord::kFileName);
  return found;
}

// Rank 0 writes task.json last: once it is there, so is all else.
TuningRecord await_record(const fs::path& run, const TuningRecord& wanted, int64_t seconds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (std::chrono::steady_clock::now() < deadline) {
    if (auto found = find_record(run, wanted)) return *found;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  throw EnvironmentError("rank 0 did not write {} within {} s; see its log",
                         (run / TuningRecord::kFileName).string(), seconds);
}

DevResult result_of(const checkpoint::StepReader& step, std::vector<OpenedTask>& tasks,
                    const data::Tokenizer& tokenizer, data::SampleLengths lengths) {
  const infer::LoadedModel model = infer::load_model(step);
  DevResult result{.step = step.manifest().description.step,
                   .by_task = {},
                   .loss = step.manifest().description.validation_loss};
  std::vector<double> accuracies;
  for (OpenedTask& task : tasks) {
    const tasks::Phrasing phrasing =
        tasks::phrasing_of(task.entry.task, task.entry.patterns.front(), tokenizer, lengths);
    const std::vector<tasks::Row>& rows = task.data.training_rows(task.dev_file().name).rows;
    const auto scores =
        score_answers(model, phrasing, rows, task.data.path_of(task.dev_file()).string(), Correction::kSkip);
    accuracies.push_back(
        confusion_of(answers_of(scores, ScoreForm::kSum), rows, task.entry.task.num_classes()).accuracy());
    result.by_task[task.entry.task.name] = accuracies.back();
  }
  result.accuracy = spread_of(accuracies).mean;
  return result;
}

// Also what an earlier call did not come to remove.
void remove_all_but(int64_t chosen, const fs::path& checkpoints) {
  for (const checkpoint::FoundStep& step : checkpoint::find_steps(checkpoints))
    if (step.step != chosen) checkpoint::remove_step(step.folder);
}

void choose_step(TuningRecord& record, const fs::path& run, const fs::path& checkpoints,
                 const std::function<DevResult(const checkpoint::StepReader&)>& measure) {
  for (const checkpoint::FoundStep& step : checkpoint::find_steps(checkpoints))
    record.results.push_back(measure(checkpoint::StepReader::open_step(step.folder)));
  const DevResult best = best_of(record.results);
  record.chosen = best.step;
  write_tuning_record(run, record);
  observe::process_log()->info("step {} is best: {:.1f} % of the dev rows right", best.step,
                               100 * best.accuracy);
}

}  // namespace

train::TrainOutcome tune(const Recipe& recipe, const checkpoint::StepReader& base,
                         const data::Tokenizer& tokenizer, const fs::path& run, const TuneSettings& settings,
                         const launch::RankEnvironment& environment) {
  std::vector<OpenedTask> tasks(recipe.tasks.begin(), recipe.tasks.end());
  const TrainingFiles files = plan_training_files(recipe, tasks, run / "data");
  const train::RunConfig config = tune_config(base, run, files, settings);
  const data::SampleLengths lengths{.source = config.data.source_length, .target = config.data.target_length};
  const bool is_first = environment.rank == 0;
  TuningRecord record = record_of(recipe, base);
  if (!is_first) {
    record = await_record(run, record, config.parallel.collective_seconds);
  } else if (auto found = find_record(run, record)) {
    record = *std::move(found);
  } else {
    write_training_files(recipe, tasks, run / "data", tokenizer, lengths);
    write_tuning_record(run, record);
  }
  train::TrainOutcome outcome{.preempted = false, .step = config.train.steps};
  if (!record.chosen) outcome = train::train(config, environment);
  if (outcome.preempted || !is_first) return outcome;
  const fs::path checkpoints = train::checkpoint_directory(config);
  if (!record.chosen)
    choose_step(record, run, checkpoints, [&](const checkpoint::StepReader& step) {
      return result_of(step, tasks, tokenizer, lengths);
    });
  remove_all_but(*record.chosen, checkpoints);
  return outcome;
}

}  // namespace tandem::adapt
