// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tandem/checkpoint/data_type.h"
#include "tandem/data/special_ids.h"
#include "tandem/model/model_config.h"

namespace tandem::interop {

/// What the configuration of a T5 model of Transformers says.
struct T5Config {
  model::ModelConfig model;  ///< `tied_head` is open: the weights decide
  int32_t pad = 0;
  int32_t eos = 1;
  /// Whether the decoder's output is multiplied by hidden^-0.5 before the head.
  bool scales_output = false;
  std::string model_type;             ///< "t5" or "mt5"
  std::vector<std::string> not_used;  ///< keys of config.json that mean nothing to this model
};

/// Reads config.json of a folder, and generation_config.json if there is one. The rules are those of
/// Transformers 5.23, defaults of absent keys included (docs/formats.md, "Hugging Face folders"). InputError
/// names the key whose value tandem's model cannot have: anything but the gated GELU of v1.1, mT5 and
/// flan-T5; a decoder that does not start with the padding id; sizes beyond the model's limits; ….
T5Config read_t5_config(const std::filesystem::path& folder);

/// Returns config.json for a model, as Transformers 4 and 5 read it alike. The model must have a relative
/// bias. A tied head is scaled, an untied one is not.
nlohmann::ordered_json t5_config_json(const model::ModelConfig& model, const data::SpecialIds& ids,
                                      checkpoint::DataType type);

/// Returns generation_config.json: the special ids.
nlohmann::ordered_json t5_generation_json(const data::SpecialIds& ids);

}  // namespace tandem::interop
