// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "tandem/base/random.h"
#include "tandem/data/sample.h"

namespace tandem::data {

/// One source of a mixture: numbered elements, each of which gives a sample. Immutable; thread-safe.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual uint64_t size() const = 0;
  /// Returns the sample of an element, element < size(); `random` decides what is masked,
  /// or which of several targets it has. The id is left 0.
  virtual Sample sample(uint64_t element, CounterRandom random) const = 0;
};

}  // namespace tandem::data
