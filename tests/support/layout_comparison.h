// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "tandem/comm/rendezvous.h"
#include "tandem/data/sample.h"
#include "tandem/model/encoder_decoder.h"
#include "tandem/train/run_config.h"

namespace tandem::testing {

/// What a run of one rank computed, step by step: the measure for every other layout.
struct Reference {
  std::vector<double> losses;
  std::vector<double> gradient_norms;
  std::vector<std::map<std::string, at::Tensor>> gradients;   // clipped, global shape
  std::vector<std::map<std::string, at::Tensor>> parameters;  // after the update
};

/// Largest differences from the reference over all steps and ranks; of tensors relative to the tensor's
/// largest absolute value, of losses and norms to themselves.
struct Differences {
  double loss = 0;
  double norm = 0;  ///< of the whole gradient
  double gradient = 0;
  double parameter = 0;
  std::string worst_gradient;
  /// Whether the elements that ranks own are exactly the model's, each once.
  bool covers_model = false;
};

/// Returns the small model of the comparisons: vocabulary that no tensor width divides, dropout, clipping
/// that acts.
train::RunConfig small_run(model::Positions positions, train::Precision precision);

/// Returns an invented row of a step: unequal lengths, some rows without any target.
data::Sample invented_sample(const train::RunConfig& config, int64_t step, int64_t row);

/// Returns the micro-batches that a data rank works on in a step.
std::vector<model::Batch> micro_batches(const train::RunConfig& config, int64_t step, int data_rank);

/// Trains on one rank, whatever config.parallel says.
Reference run_reference(train::RunConfig config, int num_steps);

/// Trains on config.parallel's layout and compares what this rank owns or holds; all ranks of the world call.
Differences compare_layout(const train::RunConfig& config, const comm::World& world,
                           const Reference& reference);

}  // namespace tandem::testing
