// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "tandem/checkpoint/reader.h"
#include "tandem/data/special_ids.h"
#include "tandem/model/model_config.h"

namespace tandem::infer {

/// Returns the model's configuration as the step's manifest has it. InputError where it has none.
model::ModelConfig model_config_of(const checkpoint::StepReader& reader);

/// Returns the special ids of the step's manifest; pad 0, eos 1 and no sentinels where it names none.
data::SpecialIds special_ids_of(const checkpoint::StepReader& reader);

/// Returns the longest target of the run's training, or 128 where the manifest does not say.
int64_t usual_target_length(const checkpoint::StepReader& reader);

/// Returns the longest source of the run's training; nothing where the manifest does not say.
std::optional<int64_t> longest_trained_source(const checkpoint::StepReader& reader);

}  // namespace tandem::infer
