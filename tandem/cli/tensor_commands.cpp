// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/command.h"

namespace tandem::cli {

#define TENSOR(name, summary) void register_##name(CLI::App& app, Actions& actions);
#define TENSOR_PART(command, name, summary) void register_##command##_##name(CLI::App& app, Actions& actions);
#include "tandem/cli/commands.def"

std::vector<Command> tensor_commands() {
  std::vector<Command> commands{
#define TENSOR(name, summary) {#name, summary, register_##name},
#include "tandem/cli/commands.def"
  };
#define TENSOR_PART(command, name, summary) \
  add_part(commands, #command, {#name, summary, register_##command##_##name});
#include "tandem/cli/commands.def"
  return commands;
}

}  // namespace tandem::cli
