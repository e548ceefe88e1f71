// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/training_data.h"

#include <algorithm>

#include "tandem/base/error.h"
#include "tandem/train/batch.h"

namespace tandem::train {

namespace {

// Enough to fill the pipeline most of the time.
constexpr int64_t kMicroBatchesPerStage = 4;

data::Dataset open_data(const RunConfig& config, const Sources& sources) {
  return data::Dataset::open({.sources = sources,
                              .data = config.data,
                              .objective = config.objective,
                              .vocabulary = config.model.vocabulary,
                              .seed = static_cast<uint64_t>(config.train.seed)});
}

bool know_different_tokenizers(const data::Dataset& left, const data::Dataset& right) {
  return left.ids() != right.ids() || (!left.tokenizer_hash().empty() && !right.tokenizer_hash().empty() &&
                                       left.tokenizer_hash() != right.tokenizer_hash());
}

}  // namespace

TrainingData::TrainingData(const RunConfig& config)
    : train_(open_data(config, config.data.train)),
      global_batch_(config.train.global_batch),
      micro_batch_(*config.train.micro_batch),
      data_ranks_(config.parallel.data),
      stages_(config.parallel.pipeline) {
  if (config.data.validation.empty()) return;
  validation_.emplace(open_data(config, config.data.validation));
  if (know_different_tokenizers(train_, *validation_))
    throw InputError(
        "data.validation is encoded with another tokenizer than data.train; encode both with one");
}

std::vector<model::Batch> TrainingData::step_batches(int64_t step, int data_rank) const {
  const int64_t rows = global_batch_ / data_ranks_, begin = data_rank * rows;
  std::vector<model::Batch> batches;
  for (int64_t first = begin; first < begin + rows; first += micro_batch_) {
    std::vector<data::Sample> samples;
    for (int64_t row = first; row < first + micro_batch_; ++row)
      samples.push_back(train_.row(static_cast<uint64_t>(step * global_batch_ + row)));
    batches.push_back(make_batch(samples, first, train_.ids()));
  }
  return batches;
}

uint64_t TrainingData::rows_of_round() const {
  return static_cast<uint64_t>(kMicroBatchesPerStage * stages_ * data_ranks_ * micro_batch_);
}

uint64_t TrainingData::num_evaluation_rounds() const {
  return validation_ ? (validation_->size() + rows_of_round() - 1) / rows_of_round() : 0;
}

std::vector<model::Batch> TrainingData::evaluation_batches(uint64_t round, int data_rank) const {
  const auto size = static_cast<uint64_t>(micro_batch_);
  const uint64_t begin = round * rows_of_round(),
                 end = std::min(begin + rows_of_round(), validation_->size());
  std::vector<model::Batch> batches;
  for (uint64_t first = begin + size * static_cast<uint64_t>(data_rank); first < end;
       first += size * static_cast<uint64_t>(data_ranks_)) {
    std::vector<data::Sample> samples;
    for (uint64_t i = first; i < std::min(first + size, end); ++i) samples.push_back(validation_->fixed(i));
    batches.push_back(make_batch(samples, static_cast<int64_t>(first), validation_->ids()));
  }
  return batches;
}

}  // namespace tandem::train
