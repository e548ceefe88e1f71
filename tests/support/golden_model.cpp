// SPDX-License-Identifier: Apache-2.0
#include "tests/support/golden_model.h"

#include <cstring>

#include <ATen/ATen.h>

#include "tandem/interop/t5_names.h"
#include "tandem/model/tensor_table.h"

namespace tandem::testing {

at::Tensor tensor_of(const GoldenTensor& golden) {
  const at::ScalarType type = golden.dtype == "F32"   ? at::kFloat
                              : golden.dtype == "F64" ? at::kDouble
                                                      : at::kLong;
  at::Tensor tensor = at::empty(golden.shape, type);
  TANDEM_CHECK(tensor.nbytes() == golden.bytes.size());
  std::memcpy(tensor.mutable_data_ptr(), golden.bytes.data(), golden.bytes.size());
  return tensor;
}

model::ModelConfig config_of(const GoldenFile& golden) {
  const nlohmann::json config = golden.config();
  const bool untied = !golden.names("weight/lm_head.weight").empty();
  TANDEM_CHECK(config.at("scale_decoder_outputs") != untied);
  return {.encoder_layers = config.at("num_layers"),
          .decoder_layers = config.at("num_decoder_layers"),
          .hidden = config.at("d_model"),
          .heads = config.at("num_heads"),
          .head_dim = config.at("d_kv"),
          .feed_forward = config.at("d_ff"),
          .vocabulary = config.at("vocab_size"),
          .positions = model::Positions::kRelativeBias,
          .tied_head = !untied,
          .relative_buckets = config.at("relative_attention_num_buckets"),
          .relative_distance = config.at("relative_attention_max_distance"),
          .norm_epsilon = config.at("layer_norm_epsilon")};
}

at::Tensor fused(const GoldenFile& golden, const std::string& prefix, const layout::TensorSpec& spec) {
  std::vector<at::Tensor> parts;
  for (const interop::T5Part& part : interop::t5_parts(spec))
    parts.push_back(tensor_of(golden.at(prefix + part.name)));
  return parts.size() == 1 ? parts[0] : at::stack(parts);
}

model::Parameters parameters_of(const GoldenFile& golden, at::ScalarType type) {
  const model::ModelConfig config = config_of(golden);
  model::Parameters parameters;
  for (const layout::TensorSpec& spec : model::tensor_table(config, {model::all_layers(config)})) {
    model::Parameter& parameter = parameters.add(spec);
    parameter.value = fused(golden, "weight/", spec).to(type).requires_grad_(true);
    TANDEM_CHECK(parameter.value.sizes() == at::IntArrayRef(spec.shape), "{}", spec.name);
    parameter.gradient = at::zeros(spec.shape, type);
  }
  return parameters;
}

GoldenModel::GoldenModel(const GoldenFile& golden, at::ScalarType type)
    : config_(config_of(golden)),
      parameters_(parameters_of(golden, type)),
      model_(config_, model::all_layers(config_), parameters_, alone_) {}

}  // namespace tandem::testing
