// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "tandem/parallel/optimizer_config.h"

namespace tandem::train {

/// Returns the learning rate of step `step` (from 0) of a run of `num_steps`: a linear rise over
/// warmup_steps, which reaches the full rate at its last step, then the configured decay. Linear and cosine
/// end at 0 after the last step; inverse_sqrt falls with the root of the steps since the start, equal to the
/// full rate where the warm-up ends.
double learning_rate_at(const parallel::OptimizerConfig& config, int64_t step, int64_t num_steps);

}  // namespace tandem::train
