// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "tandem/data/dataset.h"
#include "tandem/model/encoder_decoder.h"
#include "tandem/train/evaluation_plan.h"
#include "tandem/train/run_config.h"
#include "tandem/train/run_data.h"
#include "tandem/train/sharded_model.h"
#include "tandem/train/source_names.h"

namespace tandem::train {

/// A run's training and held-out data, cut into micro-batches for a data rank. Pure functions of
/// configuration, step and data rank; nothing is communicated. Owns the open data.
class TrainingData {
 public:
  /// Opens the data. Throws InputError as open_run_data.
  explicit TrainingData(const RunConfig& config);

  const data::Dataset& train() const { return data_.train; }
  /// Returns the names of the sources.
  const SourceNames& names() const { return names_; }

  /// Returns a data rank's micro-batches of a step, train.global_batch / parallel.data rows in all.
  std::vector<model::Batch> step_batches(int64_t step, int data_rank) const;
  /// Returns how many rows of the first `num_steps` steps have each name.
  std::vector<int64_t> rows_by_name(int64_t num_steps) const;

  /// Returns in how many rounds the held-out data are evaluated, so that neither memory nor the answer to a
  /// signal depends on how many there are. 0 without any.
  uint64_t num_evaluation_rounds() const;
  /// Returns a data rank's micro-batches of one round: the ranks take them in turn, some perhaps none of the
  /// last.
  std::vector<EvaluationBatch> evaluation_batches(uint64_t round, int data_rank) const;

 private:
  uint64_t batches_of_round() const;

  RunData data_;
  SourceNames names_;
  EvaluationPlan plan_;
  int64_t global_batch_, micro_batch_, data_ranks_, stages_;
};

}  // namespace tandem::train
