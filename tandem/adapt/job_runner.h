// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "tandem/adapt/jobs.h"

namespace tandem::adapt {

/// A job and what it is made of.
struct RunnableJob {
  Job job;
  std::vector<JobStep> steps;
};

/// How jobs are run.
struct RunnerOptions {
  std::string program;  ///< of all steps
  size_t parallel = 1;  ///< jobs at once
  size_t threads = 1;   ///< of each process (OMP_NUM_THREADS), unless the environment says
  /// Called when a job ended, with whether it did well; from the calling thread.
  std::function<void(const Job&, bool well)> ended = {};
};

/// Runs jobs, so many at once, each its steps one after the other as processes of their own; what they print
/// goes to log.txt in the job's folder. A step that fails ends its job and no other. Returns the names of the
/// jobs that failed. SIGINT or SIGTERM goes to all processes; once they ended an EnvironmentError says how
/// many jobs are left. Errors of the surroundings likewise. One thread, the process's only one.
std::vector<std::string> run_jobs(const std::vector<RunnableJob>& jobs, const RunnerOptions& options);

}  // namespace tandem::adapt
