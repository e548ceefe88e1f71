// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/command.h"

#include <algorithm>
#include <utility>

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

void add_part(std::vector<Command>& commands, const std::string& command, Command part) {
  auto found = std::ranges::find(commands, command, &Command::name);
  if (found == commands.end())
    found = commands.insert(found, {.name = command, .summary = {}, .register_options = nullptr});
  found->parts.push_back(std::move(part));
}

const Command* find_command(const std::vector<Command>& commands, std::span<char* const> arguments) {
  if (arguments.empty()) return nullptr;
  const auto found = std::ranges::find(commands, arguments.front(), &Command::name);
  if (found == commands.end()) return nullptr;
  const Command* part = find_command(found->parts, arguments.subspan(1));
  return part != nullptr ? part : &*found;
}

std::vector<Command> all_commands() {
  std::vector<Command> commands{
#define LIGHT(name, summary) {#name, summary, register_##name},
#ifndef TANDEM_LIGHT_ONLY
#define TENSOR(name, summary) {#name, summary, nullptr},
#endif
#include "tandem/cli/commands.def"
  };
#ifndef TANDEM_LIGHT_ONLY
#define TENSOR_PART(command, name, summary) add_part(commands, #command, {#name, summary, nullptr});
#include "tandem/cli/commands.def"
#endif
  return commands;
}

}  // namespace tandem::cli
