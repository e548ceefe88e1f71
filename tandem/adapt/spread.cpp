// SPDX-License-Identifier: Apache-2.0
#include "tandem/adapt/spread.h"

#include <cmath>
#include <numeric>

namespace tandem::adapt {

Spread spread_of(const std::vector<double>& values) {
  if (values.empty()) return {};
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {.mean = mean, .deviation = values.size() < 2 ? 0 : std::sqrt(squares / (count - 1))};
}

}  // namespace tandem::adapt
