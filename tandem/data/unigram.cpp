// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/unigram.h"

#include <cmath>
#include <vector>

#include "tandem/base/error.h"

namespace tandem::data {

UnigramFigures unigram_figures(const Dataset& training, const Dataset& validation,
                               const std::function<void(uint64_t samples)>& progress) {
  std::vector<uint64_t> counts(static_cast<size_t>(training.ids().vocabulary), 0);
  UnigramFigures figures;
  for (uint64_t row = 0; row < training.size(); ++row) {
    for (const int32_t id : training.row(row).target) {
      ++counts.at(static_cast<size_t>(id));
      ++figures.training_tokens;
    }
    if (progress) progress(row + 1);
  }
  const double all = static_cast<double>(figures.training_tokens) + static_cast<double>(counts.size());
  double sum = 0;
  for (uint64_t index = 0; index < validation.size(); ++index) {
    for (const int32_t id : validation.fixed(index).target) {
      sum -= std::log(static_cast<double>(counts.at(static_cast<size_t>(id)) + 1) / all);
      ++figures.validation_tokens;
    }
    if (progress) progress(training.size() + index + 1);
  }
  TANDEM_CHECK(figures.validation_tokens > 0, "held-out data without target tokens were opened");
  figures.nats = sum / static_cast<double>(figures.validation_tokens);
  return figures;
}

}  // namespace tandem::data
