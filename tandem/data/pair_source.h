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
/// tokenised, `<mask>` becoming the next sentinel, and get eos; ids are used as given. Instead of "target" a
/// line may have "targets": [{"target": …, "weight": …}, …], of which each reading draws one. Held in memory.
class PairSource : public SampleSource {
 public:
  /// Reads the whole file; `tokenizer` may be null if all sides are ids. Throws InputError naming file and
  /// line for a missing or empty file, a line that is no such object, an empty source, a side longer than its
  /// limit, an id outside the vocabulary, a text without a tokenizer, a weight that is no positive number, or
  /// two equal targets of a line.
  PairSource(const std::string& path, const Tokenizer* tokenizer, const PairLimits& limits);

  uint64_t size() const override { return pairs_.size(); }
  /// Draws one of several targets with the probability weight / sum of the weights: the loss of the draw is
  /// an unbiased estimate of the cross-entropy with all of them.
  Sample sample(uint64_t element, CounterRandom random) const override;

 private:
  struct Pair {
    std::vector<int32_t> source;
    std::vector<std::vector<int32_t>> targets;
    std::vector<double> weights_up_to;  // of each target, itself included; empty where there is only one
  };
  class Reader;

  std::vector<Pair> pairs_;
};

}  // namespace tandem::data
