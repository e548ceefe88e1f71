// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "tandem/base/error.h"
#include "tandem/cli/command.h"
#include "tandem/cli/run_config_options.h"
#include "tandem/launch/environment.h"
#include "tandem/train/trainer.h"

namespace tandem::cli {

void register_train(CLI::App& app, Actions& actions) {
  const auto options = std::make_shared<RunConfigOptions>();
  add_run_config_options(app, *options);
  actions.add(app, [options] {
    const train::ResolvedRun run = train::load_run_config(options->config, options->sets);
    const train::TrainOutcome outcome = train::train(run.config, launch::read_rank_environment());
    if (outcome.preempted)
      throw EnvironmentError("preempted at step {}; the same command goes on from there", outcome.step);
    return 0;
  });
}

}  // namespace tandem::cli
