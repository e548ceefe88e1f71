// SPDX-License-Identifier: Apache-2.0
#include "tandem/infer/model_facts.h"

#include <algorithm>
#include <string>

#include <nlohmann/json.hpp>

#include "tandem/base/config_reader.h"
#include "tandem/base/error.h"

namespace tandem::infer {

model::ModelConfig model_config_of(const checkpoint::StepReader& reader) {
  const nlohmann::json& config = reader.manifest().description.config;
  if (!config.contains("model"))
    throw InputError("{}: its manifest's configuration describes no model; save it with tandem train",
                     reader.folder().string());
  model::ModelConfig model;
  read_config(model, {.name = (reader.folder() / checkpoint::Manifest::kFileName).string() + ": config.model",
                      .text = config["model"].dump(),
                      .sets = {}})
      .throw_problems();
  return model;
}

data::SpecialIds special_ids_of(const checkpoint::StepReader& reader) {
  const auto& facts = reader.manifest().description.tokenizer;
  data::SpecialIds ids{.vocabulary = static_cast<int32_t>(model_config_of(reader).vocabulary)};
  if (!facts) return ids;
  ids.pad = facts->pad;
  ids.eos = facts->eos;
  if (facts->sentinel_count > 0) {
    ids.first_sentinel = facts->first_sentinel;
    ids.sentinel_count = facts->sentinel_count;
  }
  const auto known = [&](int32_t id) { return id >= 0 && id < ids.vocabulary; };
  if (!known(ids.pad) || !known(ids.eos) ||
      (facts->sentinel_count > 0 &&
       !(known(ids.first_sentinel) && known(ids.sentinel(ids.sentinel_count - 1)))))
    throw InputError("{}: its special ids are outside the model's vocabulary of {}", reader.folder().string(),
                     ids.vocabulary);
  return ids;
}

namespace {

std::optional<int64_t> trained_length(const checkpoint::StepReader& reader, const std::string& pointer) {
  const auto& config = reader.manifest().description.config;
  const nlohmann::json::json_pointer length(pointer);
  if (!config.contains(length) || !config[length].is_number_integer()) return std::nullopt;
  return std::max(config[length].get<int64_t>(), int64_t{1});
}

}  // namespace

int64_t usual_target_length(const checkpoint::StepReader& reader) {
  return trained_length(reader, "/data/target_length").value_or(128);
}

std::optional<int64_t> longest_trained_source(const checkpoint::StepReader& reader) {
  return trained_length(reader, "/data/source_length");
}

}  // namespace tandem::infer
