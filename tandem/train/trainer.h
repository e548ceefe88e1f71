// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tandem/launch/environment.h"
#include "tandem/train/run_config.h"

namespace tandem::train {

/// How a run ended.
struct TrainOutcome {
  bool preempted = false;  ///< stopped by a signal, after a save
  int64_t step = 0;        ///< steps done
};

/// Runs this rank's part of a training run: checks data and layout, joins the other ranks, resumes from the
/// newest whole checkpoint, trains, evaluates, saves. All ranks of the job call it with the same
/// configuration.
///
/// Throws InputError (exit 2) for what the user can mend, eight steps in a row without a finite loss and
/// gradient among it; EnvironmentError (exit 3) when a peer, the disk or the network fails.
TrainOutcome train(const RunConfig& config, const launch::RankEnvironment& environment);

}  // namespace tandem::train
