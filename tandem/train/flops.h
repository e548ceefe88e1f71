// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "tandem/model/model_config.h"
#include "tandem/schedule/stages.h"

namespace tandem::train {

/// The tokens of one step, and how long its rows are on average: attention costs their product.
struct StepTokens {
  int64_t source = 0;
  int64_t target = 0;
  int64_t rows = 1;
};

/// Returns the multiply-adds of the matrix products of each part of the model in one forward pass. Looking up
/// an embedding multiplies nothing; projecting the encoder's output to keys and values belongs to the decoder
/// layers.
schedule::LayerCosts layer_costs(const model::ModelConfig& config, const StepTokens& tokens);

/// Returns the floating-point operations of the matrix products of one training step, forward and backward,
/// without recomputation: 2 a multiply-add, backward twice forward (Narayanan et al., arXiv 2104.04473,
/// section 5.1).
double step_flops(const model::ModelConfig& config, const StepTokens& tokens);

}  // namespace tandem::train
