// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tandem/interop/t5_import.h"

namespace tandem::interop {

struct T5ExportOptions {
  std::filesystem::path checkpoint;  ///< a run's folder, a folder of steps, or a step's
  std::filesystem::path output;      ///< folder to make
  ByteProgress progress;
};

struct T5Exported {
  std::filesystem::path step;  ///< the folder that was read
  int64_t parameters = 0;      ///< of tandem's model
  int64_t bytes = 0;           ///< of model.safetensors
  bool tied_head = true;
  bool has_tokenizer = false;
  std::vector<std::string> notes;  ///< what the user should know, a line each
};

/// Writes a checkpoint's model as Transformers 4 and 5 load it as T5ForConditionalGeneration:
/// model.safetensors, config.json, generation_config.json and, where the checkpoint has a tokenizer,
/// spiece.model and tokenizer_config.json. Every value keeps its type. The output appears whole or not at
/// all; memory is bounded by 8 MiB whatever the model's size. InputError for a model with rotary positions,
/// which T5 has not, for a folder that holds no checkpoint, and for an output that exists;
/// EnvironmentError for a damaged checkpoint, or where the disk fails.
T5Exported export_t5(const T5ExportOptions& options);

}  // namespace tandem::interop
