// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/run_config.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"

namespace tandem::train {

void fill_defaults(RunConfig& config) {
  if (config.train.micro_batch) return;
  config.train.micro_batch = std::max<int64_t>(1, config.train.global_batch / config.parallel.data);
}

ResolvedRun resolve_run_config(const ConfigText& source) {
  RunConfig config;
  ConfigReport report = read_config(config, source);
  fill_defaults(config);
  check_run_config(config, report);
  report.throw_problems();
  return {std::move(config), report.origins()};
}

ResolvedRun load_run_config(const std::string& path, const std::vector<std::string>& sets) {
  return resolve_run_config({.name = path, .text = read_file(path), .sets = sets});
}

void check_ranks(const parallel::ParallelConfig& config, int64_t world_size) {
  const int64_t ranks = config.data * config.tensor * config.pipeline;
  if (ranks == world_size) return;
  throw InputError(
      "{} rank(s), but parallel.data {} x parallel.tensor {} x parallel.pipeline {} = {}; start {} rank(s) "
      "(launch "
      "--ranks {}) or change these keys",
      world_size, config.data, config.tensor, config.pipeline, ranks, ranks, ranks);
}

std::string checkpoint_directory(const RunConfig& config) {
  return config.checkpoint.directory.value_or(config.run_directory + "/checkpoints");
}

std::string run_config_json(const RunConfig& config) { return config_to_json(config).dump(2) + "\n"; }

}  // namespace tandem::train
