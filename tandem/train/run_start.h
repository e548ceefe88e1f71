// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/local_folder.h"
#include "tandem/checkpoint/run_folder.h"
#include "tandem/checkpoint/tiers.h"
#include "tandem/data/dataset.h"
#include "tandem/launch/environment.h"
#include "tandem/train/run_config.h"
#include "tandem/train/sharded_model.h"

namespace tandem::train {

/// Throws InputError on every rank, naming those that differ, unless all have the same configuration, paths
/// apart, and the same data: they would train nonsense or wait for each other. All ranks call; one small
/// all-gather.
void check_ranks_agree(const RunConfig& config, const data::Dataset& data, const comm::Group& world);

/// Returns where the run's steps lie for a rank; the first of a node keeps its checkpoint.local_directory.
checkpoint::Tiers tiers_of(const RunConfig& config, const launch::RankEnvironment& environment);

/// A run that this job holds.
struct HeldRun {
  std::optional<checkpoint::RunFolder> folder;   ///< rank 0 holds it for all
  std::optional<checkpoint::LocalFolder> local;  ///< the first rank of a node holds it for the node
  checkpoint::RunIdentity identity;
  checkpoint::Tiers tiers;

  /// As RunFolder::check, of what this rank holds.
  void check() const;
};

/// Takes the run's folder, and those of the nodes: checks that what lies there, or what the run is to start
/// from, fits, then locks it, and writes config.json and the tokenizer. A run that is refused leaves it as it
/// was. All ranks call; what one cannot do is an error on every rank: as check_same_run, StepReader::open,
/// RunFolder::open and LocalFolder::open.
HeldRun take_run(const RunConfig& config, const data::Dataset& data, const ShardedModel& model,
                 const checkpoint::Tiers& tiers);

}  // namespace tandem::train
