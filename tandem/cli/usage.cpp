// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/usage.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "tandem/base/nearest.h"
#include "tandem/cli/command.h"

namespace tandem::cli {
namespace {

std::string full_name(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : full_name(*parent) + " " + app.get_name();
}

std::string unknown_flag(const CLI::App& app, const std::string& given) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  const std::string flag = given.substr(0, given.find('='));
  // A command whose words another command follows: launch.
  if (const CLI::Option* words = app.get_option_no_throw("command"); words != nullptr && words->count() > 0)
    return fmt::format("unknown flag {} of {}; put -- before the command that it belongs to", flag,
                       full_name(app));
  return fmt::format("unknown flag {} of {}; the nearest is {}", flag, full_name(app),
                     nearest_name(flag, flags));
}

std::string unknown_word(const CLI::App& app, const std::string& word) {
  std::vector<std::string> commands;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    commands.push_back(command->get_name());
  if (commands.empty()) return fmt::format("{} takes no further argument '{}'", full_name(app), word);
  return fmt::format("unknown command '{}' of {}; the nearest is {}", word, full_name(app),
                     nearest_name(word, commands));
}

std::string missing_command(const CLI::App& app) {
  std::vector<std::string> commands;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    commands.push_back(command->get_name());
  return fmt::format("{} needs a command: {}", full_name(app), fmt::join(commands, ", "));
}

}  // namespace

std::string usage_problem(const CLI::App& root, const CLI::ParseError& error) {
  const CLI::App& app = deepest_parsed(root);
  std::vector<std::string> extras = app.remaining();
  // What follows `--` is another program's.
  extras.erase(std::find(extras.begin(), extras.end(), "--"), extras.end());
  std::string problem = error.what();
  // An unknown flag explains more than the missing one that it was meant to be, which the parser reports
  // first.
  if (!extras.empty()) {
    problem = extras.front().starts_with("-") ? unknown_flag(app, extras.front())
                                              : unknown_word(app, extras.front());
  } else if (app.get_require_subcommand_min() > 0) {
    problem = missing_command(app);
  }
  return fmt::format("{}; see {} --help", problem, full_name(app));
}

}  // namespace tandem::cli
