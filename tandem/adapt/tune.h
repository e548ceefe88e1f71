// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "tandem/adapt/recipe.h"
#include "tandem/adapt/tune_config.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/data/tokenizer.h"
#include "tandem/launch/environment.h"
#include "tandem/train/trainer.h"

namespace tandem::adapt {

/// Tunes a step's weights on a recipe in the folder `run`, and keeps the step that answers most dev rows
/// rightly, by the mean over the recipe's tasks. Writes the training files into the folder, then task.json,
/// trains there as train::train does, and goes on where an interrupted tuning stopped; one that is done is
/// left as it is. All ranks of the job call it with the same arguments: rank 0 writes and compares, the
/// others wait for its task.json, and are told nothing of the comparison.
///
/// `tokenizer` must be the one that `base` was trained with. Throws InputError for a folder that holds
/// another tuning or run, EnvironmentError where rank 0 does not come, and as tune_config, Phrasing, TaskData
/// and train::train do.
train::TrainOutcome tune(const Recipe& recipe, const checkpoint::StepReader& base,
                         const data::Tokenizer& tokenizer, const std::filesystem::path& run,
                         const TuneSettings& settings, const launch::RankEnvironment& environment);

}  // namespace tandem::adapt
