// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/run_layout.h"

#include <optional>

#include "tandem/base/config_reader.h"
#include "tandem/base/error.h"
#include "tandem/model/tensor_table.h"
#include "tandem/train/flops.h"

namespace tandem::train {

namespace {

using schedule::Placement;

constexpr int64_t kMaxRanks = int64_t{1} << 24;

int as_int(int64_t value) { return static_cast<int>(value); }

std::vector<schedule::StageLayers> place(const RunConfig& config, Placement placement) {
  std::optional<int> encoder_stages;
  if (config.parallel.encoder_stages) encoder_stages = as_int(*config.parallel.encoder_stages);
  return schedule::place_layers(placement,
                                {.encoder_layers = as_int(config.model.encoder_layers),
                                 .decoder_layers = as_int(config.model.decoder_layers),
                                 .num_stages = as_int(config.parallel.pipeline),
                                 .encoder_stages = encoder_stages,
                                 .costs = layer_costs(config.model, {.source = config.data.source_length,
                                                                     .target = config.data.target_length})});
}

layout::StateLayout lay_out(const RunConfig& config, Placement placement) {
  return {.table = model::tensor_table(config.model, place(config, placement)),
          .mesh = layout::Mesh(mesh_extent(config.parallel))};
}

void check_size(const LayoutChange& change, const std::string& name) {
  int64_t ranks = 1;
  for (const int64_t extent : {change.data, change.tensor, change.pipeline}) {
    if (extent < 1 || extent > kMaxRanks / ranks)
      throw InputError(
          "{}: data {} x tensor {} x pipeline {}; each must be at least 1, and their product at most {}",
          name, change.data, change.tensor, change.pipeline, kMaxRanks);
    ranks *= extent;
  }
}

}  // namespace

layout::MeshCoordinate mesh_extent(const parallel::ParallelConfig& config) {
  return {.data = as_int(config.data), .pipeline = as_int(config.pipeline), .tensor = as_int(config.tensor)};
}

std::vector<schedule::StageLayers> stages_of(const RunConfig& config) {
  return place(config, Placement::kSequential);
}

layout::StateLayout state_layout(const RunConfig& config) { return lay_out(config, Placement::kSequential); }

layout::StateLayout state_layout(const RunConfig& config, const LayoutChange& change,
                                 const std::string& name) {
  check_size(change, name);
  RunConfig changed = config;
  if (change.placement != Placement::kSequential || change.pipeline != config.parallel.pipeline)
    changed.parallel.encoder_stages.reset();
  changed.parallel.data = change.data;
  changed.parallel.tensor = change.tensor;
  changed.parallel.pipeline = change.pipeline;
  ConfigReport report(name);
  check_layout(changed, report);
  report.throw_problems();
  try {
    return lay_out(changed, change.placement);
  } catch (const InputError& error) {
    throw InputError("{}: {}", name, error.what());
  }
}

layout::StateLayout state_layout(const nlohmann::json& stored, const LayoutChange& change,
                                 const std::string& name) {
  // What a layout does not depend on, in case it is missing.
  nlohmann::json config = {{"run_directory", "."},
                           {"data", {{"train", "."}, {"source_length", 512}, {"target_length", 128}}},
                           {"train", {{"steps", 1}, {"global_batch", 1}}}};
  config.merge_patch(stored);
  RunConfig run;
  read_config(run, {.name = name + ": config", .text = config.dump(), .sets = {}}).throw_problems();
  return state_layout(run, change, name);
}

}  // namespace tandem::train
