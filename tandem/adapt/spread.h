// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace tandem::adapt {

/// Mean and standard deviation (n - 1) of some numbers; the deviation is 0 below two of them.
struct Spread {
  double mean = 0;
  double deviation = 0;
};
Spread spread_of(const std::vector<double>& values);

}  // namespace tandem::adapt
