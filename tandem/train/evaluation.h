// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "tandem/observe/metrics.h"
#include "tandem/train/sharded_model.h"
#include "tandem/train/training_data.h"

namespace tandem::train {

/// What the held-out data say of a model.
struct Evaluation {
  double loss = 0;  ///< nats, mean over all target tokens
  /// The figures of each name; empty where all sources have one.
  std::vector<observe::SourceMetrics> sources;
};

/// Evaluates a model, of which `num_steps` steps are done, on all held-out data. Nothing where
/// `told_to_stop`, which is asked after each round, says so on any rank. All ranks of the world call; a round
/// takes the all-reduces of ShardedModel::evaluate and one more of 8 bytes.
std::optional<Evaluation> evaluate(ShardedModel& model, const TrainingData& data, int64_t num_steps,
                                   const std::function<bool()>& told_to_stop);

}  // namespace tandem::train
