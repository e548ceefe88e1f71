// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "tandem/checkpoint/checkpoint_config.h"
#include "tandem/checkpoint/failure.h"
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

/// Runs `load` of a step. Returns why it is passed over, with a warning, where it is damaged and `on_corrupt`
/// allows; throws what else went wrong, a peer that is lost or a step that cannot be looked at among it.
std::optional<checkpoint::Failure> try_step(const std::string& name, checkpoint::OnCorrupt on_corrupt,
                                            const std::function<void()>& load);

/// Throws the EnvironmentError of a folder that has steps and none that can be loaded.
[[noreturn]] void throw_none_is_whole(const std::filesystem::path& folder, const checkpoint::Failure& newest);

/// Fills the model with the weights of checkpoint.start_from, which must be set. Of a run's folder, or one of
/// steps, a step that turns out damaged is passed over for the one before, with a warning, unless
/// checkpoint.on_corrupt is `stop`; a step that was named is the one or none. All ranks call. Errors as
/// load_step; EnvironmentError where all steps are damaged.
void start_from(const RunConfig& config, const data::Dataset& data, ShardedModel& model);

}  // namespace tandem::train
