// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "tandem/data/mixture.h"

namespace tandem::data {

/// A source of a mixture, as the sampler sees it.
struct SampledSource {
  uint64_t elements = 0;
  double weight = 1;
};

/// What stands at one global row number: an element of a source in its n-th pass over that source.
struct Position {
  uint32_t source = 0;
  uint64_t epoch = 0;
  uint64_t element = 0;

  friend bool operator==(const Position&, const Position&) = default;
};

/// The order of samples: a pure function of seed, sources and global row number, with no state. Rows of a
/// step are [step * global_batch, (step + 1) * global_batch), whoever reads them. Each epoch of a source
/// visits each of its elements once, in an order of its own. O(1) a lookup. Immutable; thread-safe.
class Sampler {
 public:
  /// Throws InputError for a source without elements or a bad weight (see Mixture).
  Sampler(std::vector<SampledSource> sources, uint64_t seed);
  Position operator()(uint64_t global_row) const;
  const Mixture& mixture() const { return mixture_; }

 private:
  std::vector<SampledSource> sources_;
  uint64_t seed_;
  Mixture mixture_;
};

}  // namespace tandem::data
