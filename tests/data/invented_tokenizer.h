// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "invented_text.h"
#include "tandem/data/tokenizer.h"
#include "tandem/data/tokenizer_training.h"

namespace tandem::data {

/// Returns a tokenizer of so many lines of invented text, with four sentinels.
inline Tokenizer invented_tokenizer(int lines, int64_t vocabulary) {
  const ScratchFolder folder;
  return Tokenizer::from_model(train_tokenizer({.inputs = {folder.write("text.txt", invented_text(lines))},
                                                .vocabulary = vocabulary,
                                                .sentinels = 4})
                                   .model,
                               "invented");
}

}  // namespace tandem::data
