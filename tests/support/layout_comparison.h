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
#include "tandem/train/sharded_model.h"

namespace tandem::testing {

/// What a run of one rank computed, step by step: the measure for every other layout.
struct Reference {
  std::vector<double> losses;
  std::vector<double> gradient_norms;
  std::vector<std::map<std::string, at::Tensor>> gradients;   // clipped, global shape
  std::vector<std::map<std::string, at::Tensor>> parameters;  // after the update
  std::vector<train::EvaluationResult> evaluation;            // of held-out rows by name, after the last step
};

/// How the reference cuts its batch: as one micro-batch, or into those of the layout, row by row the same.
enum class Grouping { kWhole, kAsLayout };

/// Largest differences from the reference over all steps and ranks; of tensors relative to the tensor's
/// largest absolute value, of losses and norms to themselves.
struct Differences {
  double loss = 0;
  double norm = 0;  ///< of the whole gradient
  double gradient = 0;
  double parameter = 0;
  double evaluation = 0;  ///< of a name's summed loss of held-out rows; infinite where their tokens differ
  std::string worst_gradient;
  /// A tensor of which two ranks that should hold the same bits do not; empty where there is none.
  std::string unequal_replica;
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

constexpr size_t kHeldOutNames = 3;
/// Returns the micro-batches of 7 held-out rows that a data rank of `data_ranks` evaluates: three of at most
/// 3 rows are dealt out in turn, so that ranks have unequal numbers of them, also none. The first and the
/// last have one name, the second another; a third name has no rows.
std::vector<train::EvaluationBatch> held_out_batches(const train::RunConfig& config, int data_rank,
                                                     int data_ranks);

/// Trains on one rank, whatever config.parallel says. BugError where clipping does not act in every step: a
/// comparison would not see its faults.
Reference run_reference(train::RunConfig config, int num_steps, Grouping grouping = Grouping::kWhole);

/// Trains on config.parallel's layout and compares what this rank owns or holds; all ranks of the world call.
Differences compare_layout(const train::RunConfig& config, const comm::World& world,
                           const Reference& reference);

}  // namespace tandem::testing
