// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tandem/comm/rendezvous.h"
#include "tandem/launch/environment.h"
#include "tandem/parallel/parallel_config.h"

namespace tandem::train {

/// Joins the job that the environment describes, with the configuration's deadlines; rank 0 serves the store
/// on its own address. All ranks call; blocks until they have. Throws as launch::listen_for_ranks and
/// comm::World::join.
comm::World join(const parallel::ParallelConfig& config, const launch::RankEnvironment& environment);

}  // namespace tandem::train
