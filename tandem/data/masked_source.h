// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>

#include "tandem/data/masking.h"
#include "tandem/data/pieces.h"
#include "tandem/data/sample_source.h"

namespace tandem::data {

/// The pieces of an index, masked. sample() throws InputError for a token id outside the vocabulary.
class MaskedSource : public SampleSource {
 public:
  MaskedSource(Pieces pieces, Masker masker) : pieces_(std::move(pieces)), masker_(masker) {}
  uint64_t size() const override { return pieces_.size(); }
  Sample sample(uint64_t element, CounterRandom random) const override;

 private:
  Pieces pieces_;
  Masker masker_;
};

}  // namespace tandem::data
