// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "tandem/base/paths.h"
#include "tandem/train/run_config.h"

namespace tandem::train {
namespace {

void check_heads(const model::ModelConfig& model, ConfigReport& report) {
  if (model.positions == model::Positions::kRotary && model.head_dim % 2 != 0)
    report.refuse({"model.positions", "model.head_dim"},
                  "model.head_dim {} is odd; rotary positions turn pairs and need an even one",
                  model.head_dim);
}

/// A bucket that no distance reaches would be a mistake that shows nowhere else.
void check_buckets(const model::ModelConfig& model, ConfigReport& report) {
  const model::ModelConfig usual;
  if (model.positions == model::Positions::kRotary) {
    if (model.relative_buckets != usual.relative_buckets ||
        model.relative_distance != usual.relative_distance)
      report.refuse(
          {"model.positions", "model.relative_buckets", "model.relative_distance"},
          "model.relative_buckets and model.relative_distance have no effect with model.positions rotary; "
          "leave them out or use relative_bias");
    return;
  }
  if (model.rotary_base != usual.rotary_base)
    report.refuse(
        {"model.positions", "model.rotary_base"},
        "model.rotary_base has no effect with model.positions relative_bias; leave it out or use rotary");
  if (model.relative_buckets % 2 != 0)
    report.refuse({"model.positions", "model.relative_buckets"},
                  "model.relative_buckets {} is odd; half of them belong to each direction",
                  model.relative_buckets);
  if (model.relative_distance <= model.relative_buckets / 2)
    report.refuse({"model.positions", "model.relative_buckets", "model.relative_distance"},
                  "model.relative_distance {} must be above half of model.relative_buckets {}",
                  model.relative_distance, model.relative_buckets);
}

void check_objective(const data::ObjectiveConfig& objective, ConfigReport& report) {
  using data::ObjectiveKind;
  const data::ObjectiveConfig usual;
  if (objective.kind != ObjectiveKind::kSpan && objective.mean_span_length != usual.mean_span_length)
    report.refuse({"objective.kind", "objective.mean_span_length"},
                  "objective.mean_span_length has no effect with objective.kind {}; leave it out or use span",
                  name_of(objective.kind));
  if (objective.kind == ObjectiveKind::kSeq2seq && objective.mask_fraction != usual.mask_fraction)
    report.refuse({"objective.kind", "objective.mask_fraction"},
                  "objective.mask_fraction has no effect with objective.kind seq2seq; leave it out");
  if (objective.kind == ObjectiveKind::kMlm && objective.mask_fraction > 0.5)
    report.refuse(
        {"objective.kind", "objective.mask_fraction"},
        "objective.mask_fraction {} is too much for objective.kind mlm: masked tokens never touch, so "
        "at most 0.5",
        objective.mask_fraction);
}

void check_tensor(const RunConfig& config, ConfigReport& report) {
  const int64_t tensor = config.parallel.tensor;
  if (config.model.heads % tensor != 0)
    report.refuse({"model.heads", "parallel.tensor"},
                  "model.heads {} is not divisible by parallel.tensor {}; change one of them",
                  config.model.heads, tensor);
  if (config.model.feed_forward % tensor != 0)
    report.refuse({"model.feed_forward", "parallel.tensor"},
                  "model.feed_forward {} is not divisible by parallel.tensor {}; change one of them",
                  config.model.feed_forward, tensor);
}

void check_given_split(const RunConfig& config, int64_t encoder_stages, ConfigReport& report) {
  const int64_t pipeline = config.parallel.pipeline, decoder_stages = pipeline - encoder_stages;
  if (pipeline == 1) {
    report.refuse(
        {"parallel.encoder_stages", "parallel.pipeline"},
        "parallel.encoder_stages is given, but parallel.pipeline 1 has no stages to split; leave it out");
    return;
  }
  if (decoder_stages < 1) {
    report.refuse({"parallel.encoder_stages", "parallel.pipeline"},
                  "parallel.encoder_stages {} leaves no decoder stage of parallel.pipeline {}; use 1 to {}",
                  encoder_stages, pipeline, pipeline - 1);
    return;
  }
  if (encoder_stages > config.model.encoder_layers)
    report.refuse(
        {"parallel.encoder_stages", "model.encoder_layers"},
        "parallel.encoder_stages {} is more than model.encoder_layers {}; a stage holds at least one layer",
        encoder_stages, config.model.encoder_layers);
  if (decoder_stages > config.model.decoder_layers)
    report.refuse({"parallel.encoder_stages", "parallel.pipeline", "model.decoder_layers"},
                  "{} decoder stages (parallel.pipeline {} - parallel.encoder_stages {}) are more than "
                  "model.decoder_layers {}; a stage holds at least one layer",
                  decoder_stages, pipeline, encoder_stages, config.model.decoder_layers);
}

void check_stages(const RunConfig& config, ConfigReport& report) {
  const int64_t layers = config.model.encoder_layers + config.model.decoder_layers;
  if (config.parallel.encoder_stages) {
    check_given_split(config, *config.parallel.encoder_stages, report);
  } else if (config.parallel.pipeline > 1 && config.parallel.pipeline > layers) {
    report.refuse(
        {"parallel.encoder_stages", "parallel.pipeline", "model.encoder_layers", "model.decoder_layers"},
        "parallel.pipeline {} is more stages than layers (model.encoder_layers {} + model.decoder_layers "
        "{}); a stage holds at least one layer",
        config.parallel.pipeline, config.model.encoder_layers, config.model.decoder_layers);
  }
}

void check_batch(const RunConfig& config, ConfigReport& report) {
  const int64_t data = config.parallel.data, global = config.train.global_batch;
  const int64_t micro = config.train.micro_batch.value_or(1);
  if (global % (data * micro) == 0) return;
  if (global % data != 0) {
    report.refuse({"train.global_batch", "parallel.data"},
                  "train.global_batch {} is not divisible by parallel.data {}; change one of them", global,
                  data);
    return;
  }
  report.refuse(
      {"train.global_batch", "train.micro_batch", "parallel.data"},
      "train.global_batch {} is not divisible by parallel.data {} x train.micro_batch {} = {}; change one of "
      "them",
      global, data, micro, data * micro);
}

void check_learning_rate(const RunConfig& config, ConfigReport& report) {
  using parallel::Decay;
  const parallel::OptimizerConfig& optimizer = config.optimizer;
  const bool ends_at_zero = optimizer.decay == Decay::kLinear || optimizer.decay == Decay::kCosine;
  if (ends_at_zero && optimizer.warmup_steps >= config.train.steps)
    report.refuse({"optimizer.decay", "optimizer.warmup_steps", "train.steps"},
                  "optimizer.warmup_steps {} leaves no step of train.steps {} for optimizer.decay {}; set "
                  "optimizer.warmup_steps below {}, or optimizer.decay to none",
                  optimizer.warmup_steps, config.train.steps, name_of(optimizer.decay), config.train.steps);
}

// Encoded data, which are to be masked, have no targets of their own.
void check_paths(std::string_view key, const Sources& sources, const data::ObjectiveConfig& objective,
                 ConfigReport& report) {
  if (objective.kind != data::ObjectiveKind::kSeq2seq) return;
  for (const WeightedPath& source : sources)
    if (!source.path.ends_with(".jsonl"))
      report.refuse({"objective.kind", key},
                    "{}: {} is no .jsonl file; objective.kind seq2seq reads JSON lines {{source, target}}",
                    key, source.path);
}

// Apart by what the paths say; links are found out when the folders are locked.
void check_directories(const RunConfig& config, ConfigReport& report) {
  const std::optional<std::string>& local = config.checkpoint.local_directory;
  if (!local || local->empty()) return;
  for (const auto& [key, path] : {std::pair("checkpoint.directory", checkpoint_directory(config)),
                                  std::pair("run_directory", config.run_directory)})
    if (!path.empty() && plain_path(*local) == plain_path(path))
      report.refuse({"checkpoint.local_directory", key},
                    "checkpoint.local_directory {} is {} too; give a folder on the node's own disk", *local,
                    key);
}

}  // namespace

void check_layout(const RunConfig& config, ConfigReport& report) {
  check_tensor(config, report);
  check_stages(config, report);
}

void check_run_config(const RunConfig& config, ConfigReport& report) {
  check_heads(config.model, report);
  check_buckets(config.model, report);
  check_objective(config.objective, report);
  check_layout(config, report);
  check_batch(config, report);
  check_learning_rate(config, report);
  check_directories(config, report);
  check_paths("data.train", config.data.train, config.objective, report);
  check_paths("data.validation", config.data.validation, config.objective, report);
}

}  // namespace tandem::train
