// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tandem/checkpoint/byte_progress.h"

namespace tandem::interop {

using checkpoint::ByteProgress;

struct T5ImportOptions {
  std::filesystem::path source;  ///< folder of Transformers
  std::filesystem::path output;  ///< folder to make
  ByteProgress progress;
};

/// How the output head came over.
enum class ImportedHead {
  kTied,          ///< the embedding table, scaled
  kUntied,        ///< a table of its own
  kTiedUnscaled,  ///< the embedding table, not scaled: imported as an untied head of equal values
};

struct T5Imported {
  std::filesystem::path step;  ///< the folder of the step
  std::string model_type;
  ImportedHead head = ImportedHead::kTied;
  int64_t parameters = 0;  ///< of tandem's model
  int64_t bytes = 0;       ///< of them in the checkpoint
  bool has_tokenizer = false;
  int32_t sentinel_count = 0;
  std::vector<std::string> notes;  ///< what the user should know, a line each
};

/// Makes a checkpoint (step 0, parameters only) of a T5 v1.1, mT5 or flan-T5 model of Transformers, with
/// its tokenizer. Element types stay, but F16 becomes F32, and so do parts of one tensor that differ;
/// every value is the same. The output appears whole or not at all. InputError names what the folder lacks,
/// has too much or has wrong (weights that are not finite too), and an output that exists; EnvironmentError
/// where the disk fails. Holds the whole model in memory.
T5Imported import_t5(const T5ImportOptions& options);

}  // namespace tandem::interop
