// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/manifest.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "tandem/base/content_hash.h"

namespace tandem::checkpoint {

namespace {

using nlohmann::json;
using Ordered = nlohmann::ordered_json;

constexpr std::array<std::pair<Role, std::string_view>, 3> kRoles{
    {{Role::kParameter, "parameter"}, {Role::kMoment1, "moment1"}, {Role::kMoment2, "moment2"}}};

Ordered role_json(const StoredRole& role) {
  Ordered slices = Ordered::array();
  for (const StoredSlice& slice : role.slices)
    slices.push_back({{"file", slice.file},
                      {"position", slice.position},
                      {"offset", slice.box.offset},
                      {"extent", slice.box.extent}});
  return {{"dtype", name_of(role.type)}, {"slices", std::move(slices)}};
}

Ordered tensor_json(const StoredTensor& tensor) {
  Ordered roles = Ordered::object();
  for (const auto& [role, stored] : tensor.roles) roles[std::string(name_of(role))] = role_json(stored);
  return {{"name", tensor.name}, {"shape", tensor.shape}, {"roles", std::move(roles)}};
}

Ordered tokenizer_json(const std::optional<TokenizerFacts>& facts) {
  if (!facts) return nullptr;
  return {{"pad", facts->pad},
          {"eos", facts->eos},
          {"first_sentinel", facts->first_sentinel},
          {"sentinel_count", facts->sentinel_count},
          {"hash", facts->hash}};
}

Ordered names_json(const std::vector<Role>& roles) {
  Ordered names = Ordered::array();
  for (const Role role : roles) names.push_back(name_of(role));
  return names;
}

// One member a line, and one element of a long list a line, so that text tools can show and compare it.
void append_member(std::string& text, std::string_view key, const Ordered& value) {
  text += fmt::format("{}\n \"{}\": ", text.empty() ? "{" : ",", key);
  const bool is_table = value.is_array() && !value.empty() && value.front().is_object();
  if (!is_table) {
    text += value.dump();
    return;
  }
  for (size_t i = 0; i < value.size(); ++i) text += (i == 0 ? "[\n  " : ",\n  ") + value[i].dump();
  text += "\n ]";
}

}  // namespace

std::string_view name_of(Role role) {
  return std::find_if(kRoles.begin(), kRoles.end(), [&](const auto& r) { return r.first == role; })->second;
}

std::optional<Role> role_named(std::string_view name) {
  for (const auto& [role, known] : kRoles)
    if (known == name) return role;
  return std::nullopt;
}

const StoredTensor* Manifest::find(std::string_view name) const {
  for (const StoredTensor& tensor : tensors)
    if (tensor.name == name) return &tensor;
  return nullptr;
}

std::string to_text(const Manifest& manifest) {
  const StepDescription& step = manifest.description;
  Ordered tensors = Ordered::array(), files = Ordered::array();
  for (const StoredTensor& tensor : manifest.tensors) tensors.push_back(tensor_json(tensor));
  for (const StoredFile& file : manifest.files) files.push_back({{"name", file.name}, {"bytes", file.bytes}});

  std::string text;
  append_member(text, "format", {{"major", Manifest::kMajor}, {"minor", Manifest::kMinor}});
  append_member(text, "run", {{"id", step.run_id}, {"generation", step.generation}});
  append_member(text, "step", step.step);
  append_member(text, "times", {{"saved", manifest.saved_at}});
  append_member(text, "code_version", step.code_version);
  append_member(text, "config", step.config);
  append_member(text, "config_hash", hash_of(step.config));
  append_member(text, "mesh",
                {{"data", step.mesh.data}, {"tensor", step.mesh.tensor}, {"pipeline", step.mesh.pipeline}});
  append_member(text, "data", {{"next_sample", step.next_sample}});
  append_member(text, "optimizer",
                {{"updates", step.optimizer_updates}, {"skipped_in_a_row", step.skipped_in_a_row}});
  append_member(text, "seed", step.seed);
  append_member(text, "tokenizer", tokenizer_json(step.tokenizer));
  append_member(text, "roles", names_json(step.roles));
  append_member(text, "files", files);
  append_member(text, "tensors", tensors);
  return text + "\n}\n";
}

std::string hash_of(const json& config) { return content_hash(config.dump()); }

}  // namespace tandem::checkpoint
