// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tandem/data/sample_source.h"
#include "tandem/data/special_ids.h"
#include "tandem/data/tokenizer.h"

namespace tandem::data {

/// What pairs must fit.
struct PairLimits {
  SampleLengths lengths;
  int64_t vocabulary = 0;
};

/// Given pairs: JSON lines {"source": …, "target": …}, each side a text or a list of ids. Texts are
/// tokenised, `<mask>` becoming the next sentinel, and get eos; ids are used as given. Held in memory.
class PairSource : public SampleSource {
 public:
  /// Reads the whole file; `tokenizer` may be null if all sides are ids. Throws InputError naming file and
  /// line for a missing or empty file, a line that is no such object, an empty source, a side longer than its
  /// limit, an id outside the vocabulary, or a text without a tokenizer.
  PairSource(const std::string& path, const Tokenizer* tokenizer, const PairLimits& limits);

  uint64_t size() const override { return pairs_.size(); }
  Sample sample(uint64_t element, CounterRandom random) const override;

 private:
  std::vector<Sample> pairs_;
};

}  // namespace tandem::data
