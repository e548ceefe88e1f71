// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/evaluation_plan.h"

#include <algorithm>

#include "tandem/base/error.h"

namespace tandem::train {

EvaluationPlan::EvaluationPlan(const std::vector<HeldOutSource>& sources, uint64_t micro_batch)
    : micro_batch_(micro_batch) {
  uint64_t begin = 0;
  for (const HeldOutSource& source : sources) {
    if (stretches_.empty() || stretches_.back().rows.name != source.name)
      stretches_.push_back({.rows = {.begin = begin, .end = begin, .name = source.name}});
    stretches_.back().rows.end = begin += source.rows;
  }
  for (Stretch& stretch : stretches_) {
    stretch.first = size_;
    size_ += (stretch.rows.end - stretch.rows.begin + micro_batch - 1) / micro_batch;
  }
}

HeldOutRows EvaluationPlan::operator[](uint64_t number) const {
  TANDEM_CHECK(number < size_, "held-out micro-batch {} of {}", number, size_);
  size_t at = stretches_.size() - 1;
  while (stretches_[at].first > number) --at;
  const HeldOutRows& rows = stretches_[at].rows;
  const uint64_t begin = rows.begin + (number - stretches_[at].first) * micro_batch_;
  return {.begin = begin, .end = std::min(begin + micro_batch_, rows.end), .name = rows.name};
}

}  // namespace tandem::train
