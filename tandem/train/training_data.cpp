// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/training_data.h"

#include <algorithm>

#include "tandem/train/batch.h"

namespace tandem::train {

namespace {

// Enough to fill the pipeline most of the time.
constexpr int64_t kMicroBatchesPerStage = 4;

EvaluationPlan plan_evaluation(const RunData& data, const SourceNames& names, int64_t micro_batch) {
  if (!data.validation) return {};
  std::vector<HeldOutSource> sources;
  for (const int64_t rows : data.validation->sizes())
    sources.push_back({.rows = static_cast<uint64_t>(rows), .name = names.validation[sources.size()]});
  return {sources, static_cast<uint64_t>(micro_batch)};
}

}  // namespace

TrainingData::TrainingData(const RunConfig& config)
    : data_(open_run_data(config)),
      names_(source_names(config.data)),
      plan_(plan_evaluation(data_, names_, *config.train.micro_batch)),
      global_batch_(config.train.global_batch),
      micro_batch_(*config.train.micro_batch),
      data_ranks_(config.parallel.data),
      stages_(config.parallel.pipeline) {}

std::vector<model::Batch> TrainingData::step_batches(int64_t step, int data_rank) const {
  const int64_t rows = global_batch_ / data_ranks_, begin = data_rank * rows;
  std::vector<model::Batch> batches;
  for (int64_t first = begin; first < begin + rows; first += micro_batch_) {
    std::vector<data::Sample> samples;
    for (int64_t row = first; row < first + micro_batch_; ++row)
      samples.push_back(train().row(static_cast<uint64_t>(step * global_batch_ + row)));
    batches.push_back(make_batch(samples, first, train().ids()));
  }
  return batches;
}

std::vector<int64_t> TrainingData::rows_by_name(int64_t num_steps) const {
  std::vector<int64_t> rows(names_.names.size(), 0);
  const auto by_source = train().rows_before(static_cast<uint64_t>(num_steps * global_batch_));
  for (size_t source = 0; source < by_source.size(); ++source)
    rows[names_.train[source]] += by_source[source];
  return rows;
}

uint64_t TrainingData::batches_of_round() const {
  return static_cast<uint64_t>(kMicroBatchesPerStage * stages_ * data_ranks_);
}

uint64_t TrainingData::num_evaluation_rounds() const {
  return (plan_.size() + batches_of_round() - 1) / batches_of_round();
}

std::vector<EvaluationBatch> TrainingData::evaluation_batches(uint64_t round, int data_rank) const {
  const uint64_t begin = round * batches_of_round(), end = std::min(begin + batches_of_round(), plan_.size());
  std::vector<EvaluationBatch> batches;
  for (uint64_t number = begin + static_cast<uint64_t>(data_rank); number < end;
       number += static_cast<uint64_t>(data_ranks_)) {
    const HeldOutRows rows = plan_[number];
    std::vector<data::Sample> samples;
    for (uint64_t i = rows.begin; i < rows.end; ++i) samples.push_back(data_.validation->fixed(i));
    batches.push_back(
        {.batch = make_batch(samples, static_cast<int64_t>(rows.begin), data_.validation->ids()),
         .name = rows.name});
  }
  return batches;
}

}  // namespace tandem::train
