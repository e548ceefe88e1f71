// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tandem/adapt/training_files.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/train/run_config.h"

namespace tandem::adapt {

/// What a user may say of how a tuning trains.
struct TuneSettings {
  std::string config;             ///< a configuration's file; empty: none
  std::vector<std::string> sets;  ///< `path.to.key=value`
  std::optional<int64_t> seed;
  std::optional<int64_t> epochs;  ///< passes over the pairs, instead of train.steps
};

/// Returns the configuration of a tuning in the folder `run` that starts from this step's weights: the step's
/// model and lengths, the recipe's files, and for the rest the user's settings over defaults: 10 epochs of
/// the pairs in batches of 16 rows, a learning rate of 1e-4 that warms up over a tenth of the steps and falls
/// linearly, dropout as the model has it, ten evaluations, each with a checkpoint. Keys that the tuning
/// itself decides (model, data.train, …) have no effect in the user's file, which may be that of a
/// pretraining; in `sets` they are refused. Throws InputError as train::load_run_config.
train::RunConfig tune_config(const checkpoint::StepReader& base, const std::filesystem::path& run,
                             const TrainingFiles& files, const TuneSettings& settings);

}  // namespace tandem::adapt
