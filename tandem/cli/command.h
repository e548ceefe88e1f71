// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace tandem::cli {

/// What a command does once the command line is parsed. Returns the exit code, 0 for done; throws what
/// base/error.h names for everything that fails.
using Action = std::function<int()>;

/// The actions of commands and their subcommands.
class Actions {
 public:
  /// Makes `action` what `app` does.
  void add(const CLI::App& app, Action action) { actions_[&app] = std::move(action); }
  /// Returns the action of the deepest command that was parsed; null if that has none.
  const Action* parsed(const CLI::App& root) const;

 private:
  std::map<const CLI::App*, Action> actions_;
};

/// Returns the deepest command that was parsed.
const CLI::App& deepest_parsed(const CLI::App& root);

/// One command of the program. `register_options` adds its options to `app` and its action to `actions`;
/// options that the action needs live in what it captures. Null: the command runs in tandem-tensor, or has
/// only parts.
struct Command {
  std::string name;
  std::string summary;
  void (*register_options)(CLI::App& app, Actions& actions);
  std::vector<Command> parts = {};  ///< subcommands that the other program runs, or that this one has alone
};

/// Lists all commands in the order of help, those and the parts of tandem-tensor without `register_options`.
std::vector<Command> all_commands();
/// Lists the commands that tandem-tensor runs. Defined where libtorch is linked.
std::vector<Command> tensor_commands();

/// Adds a part to the command that it names, which is made where it is missing.
void add_part(std::vector<Command>& commands, const std::string& command, Command part);

/// Returns the command, or the part of one, that `arguments` begin with; null where it is none of these.
const Command* find_command(const std::vector<Command>& commands, std::span<char* const> arguments);

}  // namespace tandem::cli
