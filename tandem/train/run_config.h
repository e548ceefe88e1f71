// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tandem/base/config_reader.h"
#include "tandem/base/field.h"
#include "tandem/checkpoint/checkpoint_config.h"
#include "tandem/data/data_config.h"
#include "tandem/model/model_config.h"
#include "tandem/observe/observe_config.h"
#include "tandem/parallel/optimizer_config.h"
#include "tandem/parallel/parallel_config.h"
#include "tandem/train/train_config.h"

namespace tandem::train {

/// All that one run is told.
struct RunConfig {
  std::string run_directory;
  model::ModelConfig model;
  parallel::ParallelConfig parallel;
  data::DataConfig data;
  data::ObjectiveConfig objective;
  parallel::OptimizerConfig optimizer;
  TrainConfig train;
  checkpoint::CheckpointConfig checkpoint;
  observe::ObserveConfig observe;

  bool operator==(const RunConfig&) const = default;

  template <class Visitor>
  void visit(Visitor&& v) {
    v("run_directory", run_directory, Field{.help = "folder of the run", .required = true});
    v("model", model);
    v("parallel", parallel);
    v("data", data);
    v("objective", objective);
    v("optimizer", optimizer);
    v("train", train);
    v("checkpoint", checkpoint);
    v("observe", observe);
  }
};

/// A checked configuration, defaults that depend on other keys filled in, with the origin of each key.
struct ResolvedRun {
  RunConfig config;
  std::map<std::string, Origin> origins;
};

/// Reads, resolves and checks a configuration. Throws InputError that names every problem found.
ResolvedRun resolve_run_config(const ConfigText& source);
/// The same from a file. Throws InputError also if the file cannot be read.
ResolvedRun load_run_config(const std::string& path, const std::vector<std::string>& sets);

/// Fills in the defaults that depend on other keys: train.micro_batch.
void fill_defaults(RunConfig& config);
/// Adds to the report what is wrong between keys that are each fine alone (run_config_checks.cpp).
void check_run_config(const RunConfig& config, ConfigReport& report);
/// Adds of it only what keeps the model from being split as config.parallel says.
void check_layout(const RunConfig& config, ConfigReport& report);
/// Throws InputError unless the run's ranks are data x tensor x pipeline.
void check_ranks(const parallel::ParallelConfig& config, int64_t world_size);

/// Returns the folder of the run's checkpoints.
std::string checkpoint_directory(const RunConfig& config);
/// Returns the run's config.json: resolved, indented, with a newline at its end. Reading it gives the same
/// configuration.
std::string run_config_json(const RunConfig& config);

}  // namespace tandem::train
