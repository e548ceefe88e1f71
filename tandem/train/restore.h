// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "tandem/checkpoint/retention.h"
#include "tandem/data/dataset.h"
#include "tandem/train/resume.h"
#include "tandem/train/run_config.h"
#include "tandem/train/run_start.h"
#include "tandem/train/sharded_model.h"

namespace tandem::train {

/// Where a run starts.
struct Start {
  Position position;
  /// The step is one that stays: each byte was read from where it does.
  bool is_durable = true;
  /// Steps that lie on the nodes' own disks and may still have to be copied; with their losses on rank 0.
  std::vector<checkpoint::KeptStep> local = {};
};

/// Fills the model from the run's newest good step, or with the weights of checkpoint.start_from, and returns
/// where the run stands; leaves fresh weights where there is neither. Steps of all tiers and nodes count, and
/// each rank reads from the nearest good copy. A step of which some rank reaches no good copy is copied to
/// the shared folder where the nodes together have it; one that is damaged is passed over by all, with a
/// warning, and put aside once an older one is loaded, unless checkpoint.on_corrupt is `stop`. Says in the
/// process log what it did. All ranks call. Errors as try_step, load_model and copy_step; EnvironmentError
/// where all steps are damaged.
Start restore(const RunConfig& config, const data::Dataset& data, ShardedModel& model, const HeldRun& run);

}  // namespace tandem::train
