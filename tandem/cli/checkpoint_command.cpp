// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/checkpoint_commands.h"

namespace tandem::cli {

void register_checkpoint(CLI::App& app, Actions& actions) {
  app.require_subcommand(1);
  register_inspect(app, actions);
  register_verify(app, actions);
  register_diff(app, actions);
  register_reshard(app, actions);
  register_import(app, actions);
  register_export(app, actions);
  register_prune(app, actions);
}

}  // namespace tandem::cli
