// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace tandem::data {

/// The ids of a vocabulary that mean something to the trainer. The decoder starts with `pad`. Sentinels
/// descend: the k-th masked span of a sample is first_sentinel - k (as T5).
struct SpecialIds {
  int32_t vocabulary = 0;  ///< all ids are in [0, vocabulary)
  int32_t pad = 0;
  int32_t eos = 1;
  int32_t unk = 2;
  int32_t first_sentinel = -1;  ///< the highest sentinel; -1 without sentinels
  int32_t sentinel_count = 0;

  /// Returns the id of the k-th sentinel, k < sentinel_count.
  int32_t sentinel(int64_t k) const { return static_cast<int32_t>(first_sentinel - k); }
  bool is_sentinel(int64_t id) const { return id <= first_sentinel && id > first_sentinel - sentinel_count; }

  friend bool operator==(const SpecialIds&, const SpecialIds&) = default;
};

}  // namespace tandem::data
