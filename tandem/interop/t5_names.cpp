// SPDX-License-Identifier: Apache-2.0
#include "tandem/interop/t5_names.h"

#include <fmt/format.h>

#include "tandem/base/error.h"

namespace tandem::interop {

namespace {

using Names = std::vector<std::string>;

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

// The matrices behind a fused one, or the one.
Names matrices(const std::string& tensor) {
  if (tensor == "query_key_value") return {"q", "k", "v"};
  if (tensor == "key_value") return {"k", "v"};
  if (tensor == "query") return {"q"};
  if (tensor == "output") return {"o"};
  if (tensor == "gate_up") return {"wi_0", "wi_1"};
  if (tensor == "down") return {"wo"};
  return {};
}

// `name` has the parts stack, "layer", number, sublayer, tensor.
Names names_in_layer(const Names& name) {
  const bool is_encoder = name[0] == "encoder";
  const char* module = "";
  int place = 0;
  if (name[3] == (is_encoder ? "attention" : "self_attention")) {
    module = "SelfAttention";
  } else if (name[3] == "cross_attention" && !is_encoder) {
    module = "EncDecAttention";
    place = 1;
  } else if (name[3] == "feed_forward") {
    module = "DenseReluDense";  // whatever its activation is
    place = is_encoder ? 1 : 2;
  } else {
    return {};
  }
  const std::string prefix = fmt::format("{}.block.{}.layer.{}.", name[0], name[2], place);
  if (name[4] == "norm") return {prefix + "layer_norm.weight"};
  Names names;
  for (const std::string& matrix : matrices(name[4]))
    names.push_back(fmt::format("{}{}.{}.weight", prefix, module, matrix));
  return names;
}

Names t5_names(const std::string& tensor) {
  if (tensor == "embedding") return {kT5Tables[0]};
  if (tensor == "head") return {kT5Head};
  const Names name = split(tensor);
  const bool in_stack = name[0] == "encoder" || name[0] == "decoder";
  if (in_stack && name.size() == 2 && name[1] == "norm") return {name[0] + ".final_layer_norm.weight"};
  if (in_stack && name.size() == 2 && name[1] == "relative_bias")
    return {name[0] + ".block.0.layer.0.SelfAttention.relative_attention_bias.weight"};
  return in_stack && name.size() == 5 && name[1] == "layer" ? names_in_layer(name) : Names{};
}

}  // namespace

std::vector<T5Part> t5_parts(const layout::TensorSpec& spec) {
  const Names names = t5_names(spec.name);
  TANDEM_CHECK(!names.empty(), "T5 has no tensor like {}", spec.name);
  if (names.size() == 1) return {{.name = names[0], .shape = spec.shape, .slice = layout::whole(spec.shape)}};
  TANDEM_CHECK(spec.shape.size() == 3 && spec.shape[0] == static_cast<int64_t>(names.size()), "{} is [{}]",
               spec.name, spec.shape.size());
  std::vector<T5Part> parts;
  for (size_t i = 0; i < names.size(); ++i) {
    layout::Slice slice = layout::whole(spec.shape);
    slice.offset[0] = static_cast<int64_t>(i);
    slice.extent[0] = 1;
    parts.push_back({.name = names[i], .shape = {spec.shape[1], spec.shape[2]}, .slice = slice});
  }
  return parts;
}

}  // namespace tandem::interop
