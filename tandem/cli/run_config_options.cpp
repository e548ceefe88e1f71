// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/run_config_options.h"

namespace tandem::cli {

void add_run_config_options(CLI::App& app, RunConfigOptions& options) {
  app.add_option("--config", options.config, "the run's configuration: JSON, comments allowed")
      ->required()
      ->type_name("FILE");
  app.add_option("--set", options.sets, "sets one key over the file; any number of times")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
}

}  // namespace tandem::cli
