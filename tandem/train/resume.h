// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include "tandem/checkpoint/agreement.h"
#include "tandem/checkpoint/manifest.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/run_folder.h"
#include "tandem/data/dataset.h"
#include "tandem/train/run_config.h"

namespace tandem::train {

/// Where a run stands between two steps.
struct Position {
  int64_t step = 0;  ///< steps done, skipped ones included
  int64_t optimizer_updates = 0;
  int64_t skipped_in_a_row = 0;
};

/// Returns what a checkpoint says of a step besides its tensors. The configuration in it leaves out where the
/// run lies.
checkpoint::StepDescription describe_step(const RunConfig& config, const data::Dataset& data,
                                          const checkpoint::RunIdentity& identity, const Position& position);

/// Opens the newest whole step under `folder`, the same on all ranks as rank 0 finds it; nothing where there
/// is none. All ranks call.
std::optional<checkpoint::StepReader> open_newest_together(const std::filesystem::path& folder,
                                                           checkpoint::Agreement& agreement);

/// Throws InputError, naming every key, where the run's configuration differs from the step's in what would
/// change the model or the order of its samples. Layout, precision, steps, optimizer, paths and reports may
/// differ.
void check_same_run(const RunConfig& config, const checkpoint::StepReader& reader);

}  // namespace tandem::train
