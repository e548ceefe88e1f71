// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tandem/checkpoint/manifest.h"
#include "tandem/data/tokenizer.h"
#include "tandem/interop/t5_config.h"

namespace tandem::interop {

/// The tokenizer of a folder of Transformers, as far as it goes along.
struct T5Tokenizer {
  checkpoint::TokenizerFacts facts;
  std::optional<std::string> model;  ///< the bytes of spiece.model; nothing where the folder has none
  std::vector<std::string> notes;    ///< what the user should know, a line each
};

/// Reads spiece.model and tokenizer_config.json. Sentinels are the model's own <extra_id_K> (mT5), or the ids
/// that the configuration gives them, or `extra_ids` of them (100 where it does not say) behind the last
/// piece (T5). InputError where the files are damaged or do not fit the special ids and the vocabulary of
/// `config`.
T5Tokenizer read_t5_tokenizer(const std::filesystem::path& folder, const T5Config& config);

/// Returns tokenizer_config.json for T5Tokenizer of Transformers; nothing where sentinels lie where it cannot
/// put them.
std::optional<nlohmann::ordered_json> t5_tokenizer_json(const data::Tokenizer& tokenizer,
                                                        const data::SpecialIds& ids);

}  // namespace tandem::interop
