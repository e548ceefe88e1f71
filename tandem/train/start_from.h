// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>

#include "tandem/checkpoint/manifest.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/data/dataset.h"
#include "tandem/train/run_config.h"
#include "tandem/train/sharded_model.h"

namespace tandem::train {

/// Opens a step on all ranks, fills these roles of the model from it and returns what it says of itself. Says
/// in the process log which damaged copies were passed over. All ranks call; what one cannot do, none has
/// done. Errors as `open` and load_model.
checkpoint::StepDescription load_step(ShardedModel& model, std::span<const checkpoint::Role> roles,
                                      const std::function<checkpoint::StepReader()>& open);

/// Fills the model with the weights of checkpoint.start_from, which must be set. Of a run's folder, or one of
/// steps, a step that turns out damaged is passed over for the one before, with a warning, unless
/// checkpoint.on_corrupt is `stop`; a step that was named is the one or none. All ranks call. Errors as
/// load_step; EnvironmentError where all steps are damaged.
void start_from(const RunConfig& config, const data::Dataset& data, ShardedModel& model);

}  // namespace tandem::train
