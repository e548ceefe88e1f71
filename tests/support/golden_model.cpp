// SPDX-License-Identifier: Apache-2.0
#include "tests/support/golden_model.h"

#include <cstring>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "tandem/model/tensor_table.h"

namespace tandem::testing {

namespace {

using Names = std::vector<std::string>;

schedule::StageLayers whole(const model::ModelConfig& config) {
  return {.encoder_end = static_cast<int>(config.encoder_layers),
          .decoder_end = static_cast<int>(config.decoder_layers)};
}

// "query_key_value" of "SelfAttention" -> the three matrices.
Names sublayer_names(const std::string& prefix, const std::string& module, const std::string& tensor) {
  const auto matrix = [&](const std::string& name) {
    return fmt::format("{}{}.{}.weight", prefix, module, name);
  };
  if (tensor == "norm") return {prefix + "layer_norm.weight"};
  if (tensor == "query_key_value") return {matrix("q"), matrix("k"), matrix("v")};
  if (tensor == "key_value") return {matrix("k"), matrix("v")};
  if (tensor == "query") return {matrix("q")};
  if (tensor == "output") return {matrix("o")};
  if (tensor == "gate_up") return {matrix("wi_0"), matrix("wi_1")};
  TANDEM_CHECK(tensor == "down", "no tensor {}", tensor);
  return {matrix("wo")};
}

Names split(const std::string& name) {
  Names parts{""};
  for (const char c : name) {
    if (c == '.')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

}  // namespace

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

Names transformers_names(const std::string& name) {
  if (name == "embedding") return {"shared.weight"};
  if (name == "head") return {"lm_head.weight"};
  const Names parts = split(name);
  if (parts[1] == "norm") return {parts[0] + ".final_layer_norm.weight"};
  if (parts[1] == "relative_bias")
    return {parts[0] + ".block.0.layer.0.SelfAttention.relative_attention_bias.weight"};
  const std::string block = fmt::format("{}.block.{}.layer.", parts[0], parts[2]);
  if (parts[3] == "attention" || parts[3] == "self_attention")
    return sublayer_names(block + "0.", "SelfAttention", parts[4]);
  if (parts[3] == "cross_attention") return sublayer_names(block + "1.", "EncDecAttention", parts[4]);
  return sublayer_names(block + (parts[0] == "encoder" ? "1." : "2."), "DenseReluDense", parts[4]);
}

at::Tensor fused(const GoldenFile& golden, const std::string& prefix, const std::string& name) {
  std::vector<at::Tensor> parts;
  for (const std::string& part : transformers_names(name))
    parts.push_back(tensor_of(golden.at(prefix + part)));
  return parts.size() == 1 ? parts[0] : at::stack(parts);
}

model::Parameters parameters_of(const GoldenFile& golden, at::ScalarType type) {
  const model::ModelConfig config = config_of(golden);
  model::Parameters parameters;
  for (const layout::TensorSpec& spec : model::tensor_table(config, {whole(config)})) {
    model::Parameter& parameter = parameters.add(spec);
    parameter.value = fused(golden, "weight/", spec.name).to(type).requires_grad_(true);
    TANDEM_CHECK(parameter.value.sizes() == at::IntArrayRef(spec.shape), "{}", spec.name);
    parameter.gradient = at::zeros(spec.shape, type);
  }
  return parameters;
}

GoldenModel::GoldenModel(const GoldenFile& golden, at::ScalarType type)
    : config_(config_of(golden)),
      parameters_(parameters_of(golden, type)),
      model_(config_, whole(config_), parameters_, alone_) {}

}  // namespace tandem::testing
