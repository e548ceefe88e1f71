// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace tandem::data {

/// One row of a batch. `target` has no start token: the decoder reads pad followed by all but the last of
/// `target` and predicts `target`. Neither side is padded. `target` may be empty (a pair without target).
struct Sample {
  std::vector<int32_t> source;
  std::vector<int32_t> target;
  uint64_t id = 0;  ///< the global row number: what dropout and logs name the sample by

  friend bool operator==(const Sample&, const Sample&) = default;
};

/// The budgets of a row, in tokens.
struct SampleLengths {
  int64_t source = 0;
  int64_t target = 0;
};

}  // namespace tandem::data
