// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/learning_rate.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tandem::train {

double learning_rate_at(const parallel::OptimizerConfig& config, int64_t step, int64_t num_steps) {
  const double done = static_cast<double>(step + 1), warmup = static_cast<double>(config.warmup_steps);
  if (step < config.warmup_steps) return config.learning_rate * done / warmup;
  const double left = static_cast<double>(num_steps - step);
  const double share = std::clamp(left / std::max(1.0, static_cast<double>(num_steps) - warmup), 0.0, 1.0);
  switch (config.decay) {
    case parallel::Decay::kLinear:
      return config.learning_rate * share;
    case parallel::Decay::kCosine:
      return config.learning_rate * (1 - std::cos(std::numbers::pi * share)) / 2;
    case parallel::Decay::kInverseSqrt:
      return config.learning_rate * std::sqrt(std::max(1.0, warmup) / done);
    case parallel::Decay::kNone:
      break;
  }
  return config.learning_rate;
}

}  // namespace tandem::train
