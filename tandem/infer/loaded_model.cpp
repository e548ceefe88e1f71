// SPDX-License-Identifier: Apache-2.0
#include "tandem/infer/loaded_model.h"

#include <array>
#include <span>
#include <utility>

#include <ATen/ATen.h>

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

}  // namespace tandem::infer
