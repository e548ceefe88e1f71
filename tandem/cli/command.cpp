// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/command.h"

namespace tandem::cli {

#define LIGHT(name, summary) void register_##name(CLI::App& app, Actions& actions);
#include "tandem/cli/commands.def"

const CLI::App& deepest_parsed(const CLI::App& root) {
  const CLI::App* app = &root;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return *app;
}

const Action* Actions::parsed(const CLI::App& root) const {
  const auto found = actions_.find(&deepest_parsed(root));
  return found == actions_.end() ? nullptr : &found->second;
}

std::vector<Command> all_commands() {
  return {
#define LIGHT(name, summary) {#name, summary, register_##name},
#ifndef TANDEM_LIGHT_ONLY
#define TENSOR(name, summary) {#name, summary, nullptr},
#endif
#include "tandem/cli/commands.def"
  };
}

}  // namespace tandem::cli
