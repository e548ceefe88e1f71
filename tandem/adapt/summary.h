// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tandem/adapt/jobs.h"
#include "tandem/adapt/spread.h"

namespace tandem::adapt {

/// What a task reached in one way, from the jobs that are done. Accuracies from 0 to 1.
struct Reached {
  std::map<std::string, std::vector<double>> by_split;  ///< of each seed
  Spread splits;                  ///< over the splits but few_all, each the mean of its seeds
  std::optional<double> few_all;  ///< the mean of its seeds
};

/// A plan's results so far.
struct Summary {
  std::vector<std::string> tasks;  ///< in the plan's order
  std::map<std::string, std::map<std::string, Reached>>
      reached;  ///< by method, "majority" and "characters", then by task
  size_t done = 0, jobs = 0;
};

/// Reads the results of all jobs that are done. Throws EnvironmentError for a result that `task evaluate`
/// could not have written.
Summary summary_of(const JobPlan& plan);

}  // namespace tandem::adapt
