// SPDX-License-Identifier: Apache-2.0
#include "tandem/adapt/tune_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include <nlohmann/json.hpp>

#include "tandem/base/atomic_file.h"
#include "tandem/base/config_reader.h"
#include "tandem/base/error.h"
#include "tandem/base/strict_json.h"
#include "tandem/data/open_source.h"
#include "tandem/infer/model_facts.h"

namespace tandem::adapt {
namespace {

using nlohmann::json;

constexpr int64_t kBatch = 16;
constexpr int64_t kEpochs = 10;
constexpr int64_t kEvaluations = 10;

// What is tuned, on what and where: not the user's to say again.
constexpr std::array<std::string_view, 7> kDecided{"run_directory",        "model",          "data.train",
                                                   "data.validation",      "data.tokenizer", "objective",
                                                   "checkpoint.start_from"};

json::json_pointer pointer_of(std::string_view key) {
  std::string pointer = "/" + std::string(key);
  std::ranges::replace(pointer, '.', '/');
  return json::json_pointer(pointer);
}

void refuse_decided(const std::vector<std::string>& sets) {
  for (const std::string& set : sets)
    for (const std::string_view key : kDecided)
      if (set.starts_with(key) && set.size() > key.size() &&
          (set[key.size()] == '=' || set[key.size()] == '.'))
        throw InputError("--set {}: the task and the checkpoint decide {}; leave it out", set, key);
}

bool sets_key(const std::vector<std::string>& sets, std::string_view key) {
  return std::ranges::any_of(sets,
                             [&](const std::string& set) { return set.starts_with(std::string(key) + "="); });
}

// The user's file with what the tuning decides in place.
class Text {
 public:
  Text(const TuneSettings& settings) : settings_(settings) {
    if (!settings.config.empty()) given_ = parse_strict_json(read_file(settings.config), settings.config);
    if (!given_.is_object()) throw InputError("{} is no JSON object", settings.config);
    text_ = given_;
  }

  void decide(std::string_view key, json value) { text_[pointer_of(key)] = std::move(value); }
  bool is_given(std::string_view key) const {
    return given_.contains(pointer_of(key)) || sets_key(settings_.sets, key);
  }
  void propose(std::string_view key, json value) {
    if (!is_given(key)) text_[pointer_of(key)] = std::move(value);
  }
  std::string dump() const { return text_.dump(); }

 private:
  const TuneSettings& settings_;
  json given_ = json::object(), text_;
};

int64_t part_of(int64_t steps, int64_t parts) { return std::max<int64_t>(1, steps / parts); }

int64_t steps_of_epoch(const TrainingFiles& files, int64_t batch) {
  return static_cast<int64_t>(
      std::ceil(static_cast<double>(files.pairs) / (files.share_of_pairs * static_cast<double>(batch))));
}

json sources_json(const std::vector<TrainingSource>& sources) {
  json list = json::array();
  for (const TrainingSource& source : sources)
    list.push_back({{"path", source.path.string()}, {"weight", source.weight}, {"name", source.name}});
  return list;
}

bool is_pairs(const TrainingSource& source) { return data::holds_pairs(source.path.string(), {}); }

// Texts are masked as in the training before, or as is usual where that had none.
json objective_for(const TrainingFiles& files, const json& trained) {
  if (std::ranges::all_of(files.train, is_pairs)) return {{"kind", "seq2seq"}};
  const json masked = trained.value("objective", json::object());
  return masked.value("kind", "seq2seq") == "seq2seq" ? json{{"kind", "span"}} : masked;
}

void propose_ids(Text& text, const data::SpecialIds& ids) {
  text.propose("data.pad", ids.pad);
  text.propose("data.eos", ids.eos);
  if (ids.sentinel_count == 0) return;
  text.propose("data.first_sentinel", ids.first_sentinel);
  text.propose("data.sentinel_count", ids.sentinel_count);
}

void settle_lengths(train::RunConfig& config, const Text& text, const TrainingFiles& files,
                    const TuneSettings& settings) {
  if (settings.epochs && text.is_given("train.steps"))
    throw InputError("--epochs {} and train.steps both say how long; leave one out", *settings.epochs);
  if (!text.is_given("train.steps"))
    config.train.steps = settings.epochs.value_or(kEpochs) * steps_of_epoch(files, config.train.global_batch);
  const int64_t steps = config.train.steps;
  if (!text.is_given("train.evaluate_every")) config.train.evaluate_every = part_of(steps, kEvaluations);
  if (!text.is_given("checkpoint.every_steps")) config.checkpoint.every_steps = config.train.evaluate_every;
  if (!text.is_given("optimizer.warmup_steps")) config.optimizer.warmup_steps = steps / 10;
}

}  // namespace

train::RunConfig tune_config(const checkpoint::StepReader& base, const std::filesystem::path& run,
                             const TrainingFiles& files, const TuneSettings& settings) {
  refuse_decided(settings.sets);
  Text text(settings);
  const json& trained = base.manifest().description.config;
  text.decide("run_directory", run.string());
  text.decide("model", trained.at("model"));
  text.decide("data.train", sources_json(files.train));
  text.decide("data.validation", sources_json(files.dev));
  text.decide("data.tokenizer", (run / "data" / "tokenizer.model").string());
  text.decide("objective", objective_for(files, trained));
  text.decide("checkpoint.start_from", base.folder().string());
  text.propose("data.source_length", infer::longest_trained_source(base).value_or(512));
  text.propose("data.target_length", infer::usual_target_length(base));
  propose_ids(text, infer::special_ids_of(base));
  text.propose("train.steps", 1);
  text.propose("train.global_batch", kBatch);
  text.propose("optimizer.learning_rate", 1e-4);
  text.propose("optimizer.decay", "linear");
  text.propose("checkpoint.keep", 0);

  train::RunConfig config;
  ConfigReport report = read_config(config, {.name = settings.config.empty() ? "task train" : settings.config,
                                             .text = text.dump(),
                                             .sets = settings.sets});
  if (settings.seed) config.train.seed = *settings.seed;
  settle_lengths(config, text, files, settings);
  train::fill_defaults(config);
  train::check_run_config(config, report);
  report.throw_problems();
  return config;
}

}  // namespace tandem::adapt
