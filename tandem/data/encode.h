// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tandem/data/index_metadata.h"

namespace tandem::data {

/// What is encoded, and to where.
struct EncodeOptions {
  std::string tokenizer;            ///< a SentencePiece model
  std::vector<std::string> inputs;  ///< .txt or .jsonl files (see DocumentReader)
  std::string prefix;               ///< of the files written
  int threads = 1;
  std::function<void(uint64_t documents)> progress = {};  ///< called now and then, from the calling thread
};

/// Turns documents into PREFIX.bin, PREFIX.idx, PREFIX.json and PREFIX.tokenizer.model: one sequence a
/// document, ending with eos, in the order of the inputs. Any number of threads gives the same bytes. The
/// files appear together at the end. Throws InputError for bad inputs or no documents, EnvironmentError if
/// the output cannot be written or another process is writing it.
IndexMetadata encode(const EncodeOptions& options);

}  // namespace tandem::data
