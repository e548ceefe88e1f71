// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>
#include <utility>

#include "tandem/adapt/tune.h"
#include "tandem/base/error.h"
#include "tandem/cli/command.h"
#include "tandem/cli/inference_options.h"
#include "tandem/cli/task_files.h"
#include "tandem/launch/environment.h"

namespace tandem::cli {
namespace {

struct TrainOptions {
  std::string recipe;
  std::string task, data, split, pattern, soft;
  std::string checkpoint, tokenizer;
  std::string output;
  adapt::TuneSettings settings;
};

adapt::Recipe recipe_of(const TrainOptions& options) {
  const bool has_task = !options.task.empty() && !options.data.empty();
  if (options.recipe.empty() != has_task) throw InputError("give --task and --data, or --recipe");
  if (!options.recipe.empty()) {
    if (!options.split.empty() || !options.pattern.empty() || !options.soft.empty())
      throw InputError("--recipe says this of each task; leave --split, --pattern and --soft out");
    return adapt::read_recipe(options.recipe, load_task);
  }
  adapt::RecipeTask entry{.task = load_task(options.task),
                          .data = options.data,
                          .split = options.split.empty() ? "few_all" : options.split,
                          .patterns = {options.pattern},
                          .soft = options.soft};
  if (options.pattern.empty()) entry.patterns = {entry.task.patterns.front().name};
  return {.tasks = {std::move(entry)}, .text = {}};
}

int train_task(const TrainOptions& options) {
  const adapt::Recipe recipe = recipe_of(options);
  const OpenedCheckpoint base(
      {.checkpoint = options.checkpoint, .tokenizer = options.tokenizer, .own_tokenizer_only = true});
  const train::TrainOutcome outcome = adapt::tune(recipe, base.reader(), base.tokenizer(), options.output,
                                                  options.settings, launch::read_rank_environment());
  if (outcome.preempted)
    throw EnvironmentError("preempted at step {}; the same command goes on from there", outcome.step);
  return 0;
}

}  // namespace

void register_task_train(CLI::App& app, Actions& actions) {
  const auto options = std::make_shared<TrainOptions>();
  app.add_option("--task", options->task, kTaskHelp);
  app.add_option("--data", options->data, "the folder with the task's files")->type_name("FOLDER");
  app.add_option("--recipe", options->recipe, "several tasks at once, with masked text, instead of --task")
      ->type_name("FILE");
  app.add_option("--split", options->split, "trains on train_SPLIT, chooses by dev_SPLIT (few_all)")
      ->type_name("0..4|few_all");
  app.add_option("--pattern", options->pattern, "default: the task's first; plain: none");
  app.add_option("--soft", options->soft, "pairs of `task label` to learn from too")->type_name("FILE");
  app.add_option("--checkpoint", options->checkpoint, kStepHelp)->required()->type_name("DIR");
  app.add_option("--tokenizer", options->tokenizer, "default: the run's tokenizer.model")->type_name("FILE");
  app.add_option("--output", options->output, "the run's folder, to make or to go on in")
      ->required()
      ->type_name("RUN");
  app.add_option("--seed", options->settings.seed, "instead of train.seed");
  app.add_option("--epochs", options->settings.epochs, "passes over the training rows (10)")
      ->check(CLI::Range(int64_t{1}, int64_t{1'000'000}));
  app.add_option("--config", options->settings.config,
                 "how to train: JSON, any keys of a run's configuration")
      ->type_name("FILE");
  app.add_option("--set", options->settings.sets, "sets one key over the file; any number of times")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  actions.add(app, [options] { return train_task(*options); });
}

}  // namespace tandem::cli
