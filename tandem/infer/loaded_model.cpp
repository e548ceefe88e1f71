// SPDX-License-Identifier: Apache-2.0
#include "tandem/infer/loaded_model.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include "tandem/base/config_reader.h"
#include "tandem/base/error.h"
#include "tandem/model/tensor_table.h"

namespace tandem::infer {

namespace {

schedule::StageLayers all_layers(const model::ModelConfig& config) {
  return {.encoder_end = static_cast<int>(config.encoder_layers),
          .decoder_end = static_cast<int>(config.decoder_layers)};
}

at::Tensor read_tensor(const checkpoint::StepReader& reader, const layout::TensorSpec& spec,
                       at::ScalarType type) {
  TANDEM_CHECK(type == at::kFloat || type == at::kDouble, "weights are loaded as fp32 or fp64");
  at::Tensor tensor = at::empty(spec.shape, type);
  const std::span bytes(static_cast<std::byte*>(tensor.mutable_data_ptr()), tensor.nbytes());
  reader.read({.tensor = spec.name, .role = checkpoint::Role::kParameter, .slice = layout::whole(spec.shape)},
              type == at::kDouble ? checkpoint::DataType::kF64 : checkpoint::DataType::kF32, bytes);
  return tensor;
}

}  // namespace

LoadedModel::LoadedModel(const model::ModelConfig& config, model::Parameters parameters,
                         const data::SpecialIds& ids)
    : config_(config),
      ids_(ids),
      parameters_(std::move(parameters)),
      model_(config_, all_layers(config_), parameters_, alone_) {}

LoadedModel load_model(const checkpoint::StepReader& reader, at::ScalarType type) {
  const model::ModelConfig config = model_config_of(reader);
  const auto table = model::tensor_table(config, {all_layers(config)});
  reader.require(table, std::array{checkpoint::Role::kParameter});
  model::Parameters parameters;
  for (const layout::TensorSpec& spec : table) parameters.add(spec).value = read_tensor(reader, spec, type);
  return LoadedModel(config, std::move(parameters), special_ids_of(reader));
}

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
