// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tandem/launch/environment.h"
#include "tandem/observe/host.h"

namespace tandem::launch {

/// Returns how many threads a rank should compute with: OMP_NUM_THREADS if set, else SLURM_CPUS_PER_TASK if
/// set, else `cores` divided by the ranks of the node, at least 1. Malformed values count as not set.
int threads_per_rank(const Variables& variables, const RankEnvironment& environment,
                     int cores = observe::usable_cores());

}  // namespace tandem::launch
