// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/resume.h"

#include <string>
#include <vector>

#include <fmt/ranges.h>

#include "tandem/base/error.h"
#include "tandem/base/fields.h"

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

}  // namespace

checkpoint::StepDescription describe_step(const RunConfig& config, const data::Dataset& data,
                                          const checkpoint::RunIdentity& identity, const Position& position) {
  RunConfig placeless = config;
  placeless.run_directory = ".";
  placeless.checkpoint.directory.reset();
  checkpoint::StepDescription description{
      .run_id = identity.run_id,
      .generation = identity.generation,
      .step = position.step,
      .code_version = TANDEM_VERSION,
      .config = nlohmann::json(config_to_json(placeless)),
      .mesh = {.data = static_cast<int>(config.parallel.data),
               .pipeline = static_cast<int>(config.parallel.pipeline),
               .tensor = static_cast<int>(config.parallel.tensor)},
      .next_sample = position.step * config.train.global_batch,
      .optimizer_updates = position.optimizer_updates,
      .skipped_in_a_row = position.skipped_in_a_row,
      .seed = static_cast<uint64_t>(config.train.seed),
      .roles = {checkpoint::Role::kParameter, checkpoint::Role::kMoment1, checkpoint::Role::kMoment2}};
  const data::SpecialIds& ids = data.ids();
  description.tokenizer = checkpoint::TokenizerFacts{.pad = ids.pad,
                                                     .eos = ids.eos,
                                                     .first_sentinel = ids.first_sentinel,
                                                     .sentinel_count = ids.sentinel_count,
                                                     .hash = data.tokenizer_hash()};
  return description;
}

std::optional<checkpoint::StepReader> open_newest_together(const std::filesystem::path& folder,
                                                           checkpoint::Agreement& agreement) {
  if (agreement.rank() == 0) {
    std::optional<checkpoint::StepReader> reader = checkpoint::StepReader::open_newest(folder);
    agreement.broadcast(reader ? reader->folder().string() : "");
    return reader;
  }
  const std::string chosen = agreement.broadcast("");
  if (chosen.empty()) return std::nullopt;
  return checkpoint::StepReader::open_step(chosen);
}

void check_same_run(const RunConfig& config, const checkpoint::StepReader& reader) {
  const nlohmann::json now = config_to_json(config);
  const nlohmann::json& then = reader.manifest().description.config;
  std::vector<std::string> differences;
  for (const std::string& key : kFixed) compare(key, value_at(now, key), value_at(then, key), differences);
  if (!differences.empty())
    throw InputError(
        "{}: the configuration differs from the checkpoint's: {}; set them back, or take another "
        "run_directory",
        reader.folder().string(), fmt::join(differences, "; "));
}

}  // namespace tandem::train
