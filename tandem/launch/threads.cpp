// SPDX-License-Identifier: Apache-2.0
#include "tandem/launch/threads.h"

#include <algorithm>

#include "tandem/launch/number.h"

namespace tandem::launch {

int threads_per_rank(const Variables& variables, const RankEnvironment& environment, int cores) {
  for (const char* name : {"OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"})
    if (const auto found = variables.find(name); found != variables.end())
      if (const auto threads = parse_number(found->second); threads && *threads > 0)
        return static_cast<int>(std::min<int64_t>(*threads, 4096));
  return std::max(1, cores / environment.local_world_size);
}

}  // namespace tandem::launch
