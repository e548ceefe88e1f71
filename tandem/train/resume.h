// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

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
  std::optional<double> validation_loss;  ///< at this step, where it was measured
};

/// Returns what a checkpoint says of a step besides its tensors; the roles are left to the caller. The
/// configuration in it leaves out where the run lies.
checkpoint::StepDescription describe_step(const RunConfig& config, const data::Dataset& data,
                                          const checkpoint::RunIdentity& identity, const Position& position);

/// Throws InputError, naming every key, unless the step was saved by this run (`run`: what its folder says)
/// and the configuration agrees in what would change the model or the order of its samples: also the number
/// and weights of the sources, the tokenizer and its special ids. Layout, precision, steps, optimizer, paths
/// and reports may differ.
void check_same_run(const RunConfig& config, const data::Dataset& data,
                    const std::optional<checkpoint::RunIdentity>& run, const checkpoint::StepReader& reader);

/// Checks that a step's weights are of the model that the configuration describes, dropout aside; InputError
/// names each key that differs. Shapes alone do not tell: heads may be split otherwise.
void check_same_model(const RunConfig& config, const checkpoint::StepReader& reader);

/// Says how the data's tokenizer or special ids differ from those of a step; "" where they do not, or where
/// either side knows none.
std::string token_difference(const data::Dataset& data, const checkpoint::StepDescription& saved);

/// Returns a digest of what must be the same on every rank: the configuration without paths, which sources
/// share a name, and the data's tokenizer, ids and number of samples.
std::string what_ranks_share(const RunConfig& config, const data::Dataset& data);

}  // namespace tandem::train
