// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/masked_source.h"

#include "tandem/base/error.h"

namespace tandem::data {

Sample MaskedSource::sample(uint64_t element, CounterRandom random) const {
  const Piece piece = pieces_[element];
  const std::vector<int32_t> raw = pieces_.tokens(piece);
  for (const int32_t id : raw)
    if (id < 0 || id >= masker_.ids().vocabulary)
      throw InputError("{}.bin: document {} holds token id {}, outside the vocabulary of {}",
                       pieces_.index().prefix(), piece.document, id, masker_.ids().vocabulary);
  return masker_.mask(raw, random);
}

}  // namespace tandem::data
