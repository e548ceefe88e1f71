// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/command.h"

namespace tandem::cli {

#define TENSOR(name, summary) void register_##name(CLI::App& app, Actions& actions);
#include "tandem/cli/commands.def"

std::vector<Command> tensor_commands() {
  return {
#define TENSOR(name, summary) {#name, summary, register_##name},
#include "tandem/cli/commands.def"
  };
}

}  // namespace tandem::cli
