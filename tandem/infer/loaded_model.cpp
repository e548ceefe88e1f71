// SPDX-License-Identifier: Apache-2.0
#include "tandem/infer/loaded_model.h"

#include <array>
#include <span>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "tandem/base/error.h"
#include "tandem/model/tensor_table.h"

namespace tandem::infer {

LoadedModel::LoadedModel(const model::ModelConfig& config, model::Parameters parameters,
                         const data::SpecialIds& ids)
    : config_(config),
      ids_(ids),
      parameters_(std::move(parameters)),
      model_(config_, model::all_layers(config_), parameters_, alone_) {}

LoadedModel load_model(const checkpoint::StepReader& reader, at::ScalarType type) {
  const model::ModelConfig config = model_config_of(reader);
  const auto table = model::tensor_table(config, {model::all_layers(config)});
  reader.require(table, std::array{checkpoint::Role::kParameter});
  TANDEM_CHECK(type == at::kFloat || type == at::kDouble, "weights are loaded as fp32 or fp64");
  model::Parameters parameters;
  std::vector<checkpoint::StepReader::Request> requests;
  for (const layout::TensorSpec& spec : table) {
    at::Tensor& value = parameters.add(spec).value;
    value = at::empty(spec.shape, type);
    requests.push_back({.tensor = spec.name,
                        .range = layout::range_of(layout::whole(spec.shape)),
                        .type = type == at::kDouble ? checkpoint::DataType::kF64 : checkpoint::DataType::kF32,
                        .out = {static_cast<std::byte*>(value.mutable_data_ptr()), value.nbytes()}});
  }
  reader.read(requests, at::get_num_threads());
  return LoadedModel(config, std::move(parameters), special_ids_of(reader));
}

}  // namespace tandem::infer
