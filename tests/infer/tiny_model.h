// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tandem/checkpoint/manifest.h"
#include "tandem/infer/loaded_model.h"

namespace tandem::testing {

/// Special ids of a vocabulary of 9: pad 0, eos 1, then 2 to 6 for text, sentinels 8 and 7.
inline constexpr data::SpecialIds kTinyIds{.vocabulary = 9, .first_sentinel = 8, .sentinel_count = 2};

/// Returns a small model's configuration with a head of its own, so that outputs vary.
model::ModelConfig tiny_config(model::Positions positions, int64_t vocabulary = kTinyIds.vocabulary);

/// Returns invented weights, a function of the configuration alone.
model::Parameters tiny_parameters(const model::ModelConfig& config, at::ScalarType type);

/// Returns ids in [2, 7), a function of the number alone.
infer::Ids invented_ids(uint64_t number, int64_t length);

/// What save_tiny stores beside the weights.
struct TinyCheckpoint {
  int64_t step = 1;
  model::ModelConfig model;
  checkpoint::TokenizerFacts tokenizer;
  at::ScalarType type = at::kFloat;
  int64_t parts = 1;  ///< slices that each tensor is stored in, along its first dim
};

/// Saves invented weights as a step below `folder`; returns the step's folder.
std::filesystem::path save_tiny(const std::filesystem::path& folder, const TinyCheckpoint& checkpoint);

}  // namespace tandem::testing
