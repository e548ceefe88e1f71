// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "tandem/checkpoint/run_folder.h"
#include "tandem/data/dataset.h"
#include "tandem/train/resume.h"
#include "tandem/train/run_config.h"
#include "tandem/train/sharded_model.h"

namespace tandem::train {

/// Throws InputError on every rank, naming those that differ, unless all have the same configuration, paths
/// apart, and the same data: they would train nonsense or wait for each other. All ranks call; one small
/// all-gather.
void check_ranks_agree(const RunConfig& config, const data::Dataset& data, const comm::Group& world);

/// A run that this job holds.
struct HeldRun {
  std::optional<checkpoint::RunFolder> folder;  ///< rank 0 holds it for all
  checkpoint::RunIdentity identity;
};

/// Takes the run's folder: checks that what lies there, or what the run is to start from, fits, then locks
/// it, and writes config.json and the tokenizer. A run that is refused leaves it as it was. All ranks call;
/// what rank 0 cannot do is an error on every rank: as check_same_run, StepReader::open and RunFolder::open.
HeldRun take_run(const RunConfig& config, const data::Dataset& data, const ShardedModel& model);

/// Fills the model from the run's newest good step, or with the weights of checkpoint.start_from, and returns
/// where the run stands; leaves fresh weights where there is neither. A step that a rank finds damaged is
/// passed over by all, with a warning, unless checkpoint.on_corrupt is `stop`. Says in the process log what
/// it did. All ranks call. Errors as load_model; EnvironmentError where all steps are damaged.
Position restore(const RunConfig& config, const data::Dataset& data, ShardedModel& model);

}  // namespace tandem::train
