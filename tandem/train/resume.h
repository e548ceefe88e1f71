// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

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

/// Opens the step that rank 0 chooses, the same on all ranks; nothing where it chooses none. All ranks call;
/// one broadcast. What `choose` throws, every rank throws.
std::optional<checkpoint::StepReader> open_together(
    checkpoint::Agreement& agreement, const std::function<std::optional<checkpoint::StepReader>()>& choose);

/// Throws InputError, naming every key, unless the step was saved by this run (`run`: what its folder says)
/// and the configuration agrees in what would change the model or the order of its samples: also the number
/// and weights of the sources, the tokenizer and its special ids. Layout, precision, steps, optimizer, paths
/// and reports may differ.
void check_same_run(const RunConfig& config, const data::Dataset& data,
                    const std::optional<checkpoint::RunIdentity>& run, const checkpoint::StepReader& reader);

/// Says how the data's tokenizer or special ids differ from those of a step; "" where they do not, or where
/// either side knows none.
std::string token_difference(const data::Dataset& data, const checkpoint::StepDescription& saved);

/// Returns a digest of what must be the same on every rank: the configuration without paths, and the data's
/// tokenizer, ids and number of samples.
std::string what_ranks_share(const RunConfig& config, const data::Dataset& data);

}  // namespace tandem::train
