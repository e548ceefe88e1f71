// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/resume.h"

#include <string>
#include <utility>
#include <vector>

#include <fmt/ranges.h>
#include <torch/version.h>

#include "tandem/base/code_version.h"
#include "tandem/base/error.h"
#include "tandem/base/fields.h"
#include "tandem/train/source_names.h"

namespace tandem::train {

namespace {

// What may not change while a run goes on. Layout, precision, optimizer and reports may.
const std::vector<std::string> kFixed{
    "model", "objective", "data.source_length", "data.target_length", "train.seed", "train.global_batch"};

nlohmann::json value_at(const nlohmann::json& document, std::string key) {
  for (char& c : key)
    if (c == '.') c = '/';
  const nlohmann::json::json_pointer pointer("/" + key);
  return document.contains(pointer) ? document.at(pointer) : nlohmann::json();
}

void compare(const std::string& key, const nlohmann::json& now, const nlohmann::json& then,
             std::vector<std::string>& differences) {
  if (now == then) return;
  if (!now.is_object() || !then.is_object()) {
    differences.push_back(fmt::format("{} is {} here and {} there", key, now.dump(), then.dump()));
    return;
  }
  for (const auto& [name, value] : now.items())
    compare(key + "." + name, value, then.contains(name) ? then.at(name) : nlohmann::json(), differences);
}

// [weight, …] of the sources in their order, or null for a single one: how rows are dealt to them.
nlohmann::json weights_of(const nlohmann::json& config) {
  const nlohmann::json sources = value_at(config, "data.train");
  nlohmann::json weights = nlohmann::json::array();
  if (sources.is_array())
    for (const nlohmann::json& source : sources)
      weights.push_back(source.is_object() ? source.value("weight", 1.0) : 1.0);
  return weights.size() > 1 ? weights : nlohmann::json();
}

// Where a run lies is no fact of it.
RunConfig without_place(RunConfig config) {
  config.run_directory = ".";
  config.checkpoint.directory.reset();
  config.checkpoint.local_directory.reset();
  return config;
}

checkpoint::TokenizerFacts tokenizer_facts(const data::Dataset& data) {
  const data::SpecialIds& ids = data.ids();
  return {.pad = ids.pad,
          .eos = ids.eos,
          .first_sentinel = ids.first_sentinel,
          .sentinel_count = ids.sentinel_count,
          .hash = data.tokenizer_hash()};
}

}  // namespace

checkpoint::StepDescription describe_step(const RunConfig& config, const data::Dataset& data,
                                          const checkpoint::RunIdentity& identity, const Position& position) {
  checkpoint::StepDescription description{.run_id = identity.run_id,
                                          .generation = identity.generation,
                                          .step = position.step,
                                          .code_version = code_version() + " torch-" TORCH_VERSION,
                                          .config = nlohmann::json(config_to_json(without_place(config))),
                                          .mesh = {.data = static_cast<int>(config.parallel.data),
                                                   .pipeline = static_cast<int>(config.parallel.pipeline),
                                                   .tensor = static_cast<int>(config.parallel.tensor)},
                                          .next_sample = position.step * config.train.global_batch,
                                          .optimizer_updates = position.optimizer_updates,
                                          .skipped_in_a_row = position.skipped_in_a_row,
                                          .seed = static_cast<uint64_t>(config.train.seed),
                                          .validation_loss = position.validation_loss};
  description.samples = data.sizes();
  description.tokenizer = tokenizer_facts(data);
  return description;
}

void check_same_run(const RunConfig& config, const data::Dataset& data,
                    const std::optional<checkpoint::RunIdentity>& run, const checkpoint::StepReader& reader) {
  const checkpoint::StepDescription& saved = reader.manifest().description;
  if (!run || run->run_id != saved.run_id)
    throw InputError(
        "{}: was saved by another run than that of {}; take a checkpoint.directory of its own, or start from "
        "those weights with checkpoint.start_from",
        reader.folder().string(), config.run_directory);
  const nlohmann::json now = config_to_json(config);
  std::vector<std::string> differences;
  for (const std::string& key : kFixed)
    compare(key, value_at(now, key), value_at(saved.config, key), differences);
  compare("the weights of data.train", weights_of(now), weights_of(saved.config), differences);
  if (!differences.empty())
    throw InputError(
        "{}: the configuration differs from the checkpoint's: {}; set them back, or take another "
        "run_directory",
        reader.folder().string(), fmt::join(differences, "; "));
  if (const std::string difference = token_difference(data, saved); !difference.empty())
    throw InputError("{}: the data are not those of the checkpoint: {}; encode them with its tokenizer",
                     reader.folder().string(), difference);
  if (data.sizes() != saved.samples)
    throw InputError(
        "{}: data.train has {} samples here and {} there, so their order would be another; put the data "
        "back, or start from those weights in another run_directory with checkpoint.start_from",
        reader.folder().string(), fmt::join(data.sizes(), ", "), fmt::join(saved.samples, ", "));
}

void check_same_model(const RunConfig& config, const checkpoint::StepReader& reader) {
  const nlohmann::json all = config_to_json(config);
  nlohmann::json now = all.at("model");
  nlohmann::json then = reader.manifest().description.config.value("model", nlohmann::json::object());
  for (nlohmann::json* model : {&now, &then}) model->erase("dropout");
  std::vector<std::string> differences;
  compare("model", now, then, differences);
  if (!differences.empty())
    throw InputError("{}: holds the weights of another model: {}; set them so", reader.folder().string(),
                     fmt::join(differences, "; "));
}

std::string token_difference(const data::Dataset& data, const checkpoint::StepDescription& saved) {
  if (!saved.tokenizer) return "";
  const checkpoint::TokenizerFacts now = tokenizer_facts(data), &then = *saved.tokenizer;
  if (!now.hash.empty() && !then.hash.empty() && now.hash != then.hash)
    return fmt::format("their tokenizer is {}, and {} there", now.hash, then.hash);
  const auto ids = [](const checkpoint::TokenizerFacts& facts) {
    return fmt::format("pad {}, eos {}, {} sentinels down from {}", facts.pad, facts.eos,
                       facts.sentinel_count, facts.first_sentinel);
  };
  return ids(now) == ids(then) ? "" : fmt::format("they have {}, and {} there", ids(now), ids(then));
}

std::string what_ranks_share(const RunConfig& config, const data::Dataset& data) {
  RunConfig placeless = without_place(config);
  placeless.checkpoint.start_from.reset();
  placeless.data.tokenizer.reset();
  for (Sources* sources : {&placeless.data.train, &placeless.data.validation})
    for (WeightedPath& source : *sources) source.path.clear();
  // Paths may differ between nodes, but not which of them are one name: ranks sum up losses by name.
  const SourceNames names = source_names(config.data);
  const checkpoint::TokenizerFacts facts = tokenizer_facts(data);
  return fmt::format("{} {} {} {} {} {} {} {} {} {}", hash_config(placeless),
                     config.checkpoint.local_directory ? "local" : "", fmt::join(data.sizes(), " "),
                     fmt::join(names.train, " "), fmt::join(names.validation, " "), facts.pad, facts.eos,
                     facts.first_sentinel, facts.sentinel_count, facts.hash);
}

}  // namespace tandem::train
