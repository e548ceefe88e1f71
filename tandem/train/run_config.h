// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

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

}  // namespace tandem::train
