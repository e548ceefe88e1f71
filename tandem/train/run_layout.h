// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tandem/layout/mesh.h"
#include "tandem/layout/state_parts.h"
#include "tandem/parallel/parallel_config.h"
#include "tandem/schedule/placement.h"
#include "tandem/schedule/stages.h"
#include "tandem/train/run_config.h"

namespace tandem::train {

/// Returns the extents of a run's mesh.
layout::MeshCoordinate mesh_extent(const parallel::ParallelConfig& config);

/// Returns the layers of each pipeline stage of a run: as parallel.encoder_stages says, else the split whose
/// slowest stage has the least to compute.
std::vector<schedule::StageLayers> stages_of(const RunConfig& config);

/// Returns where the state of a run lies. The configuration must be a checked one.
layout::StateLayout state_layout(const RunConfig& config);

/// Another layout for a run's state than the run's own.
struct LayoutChange {
  int64_t data = 1;
  int64_t tensor = 1;
  int64_t pipeline = 1;
  schedule::Placement placement = schedule::Placement::kSequential;
};

/// Returns where the state of a run lies once it is laid out otherwise; keys that have nothing to do with it,
/// as train.global_batch, need not fit. parallel.encoder_stages holds on only where placement and number of
/// stages stay. Throws InputError where the model cannot be laid out so; `name` says in it whose layout it
/// is.
layout::StateLayout state_layout(const RunConfig& config, const LayoutChange& change,
                                 const std::string& name);

/// Returns it for the configuration that a checkpoint's manifest holds; an imported model's has only `model`.
/// InputError where it describes no model.
layout::StateLayout state_layout(const nlohmann::json& stored, const LayoutChange& change,
                                 const std::string& name);

}  // namespace tandem::train
