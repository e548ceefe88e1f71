// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "tandem/data/special_ids.h"

namespace tandem::data {

/// How data were tokenised.
struct Tokenization {
  SpecialIds ids;
  std::string tokenizer_hash;                 ///< empty: unknown
  std::optional<std::string> tokenizer_path;  ///< an existing file

  /// Says whether ids mean the same in both; where the tokenizer is known is no matter.
  bool agrees_with(const Tokenization& other) const {
    return ids == other.ids && tokenizer_hash == other.tokenizer_hash;
  }
};

}  // namespace tandem::data
