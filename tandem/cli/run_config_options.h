// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace tandem::cli {

/// `--config FILE` and any number of `--set path.to.key=value`, for commands that read a run's configuration
/// (see train::load_run_config).
struct RunConfigOptions {
  std::string config;
  std::vector<std::string> sets;
};

/// Adds the two options; `options` must outlive the parsing.
void add_run_config_options(CLI::App& app, RunConfigOptions& options);

}  // namespace tandem::cli
