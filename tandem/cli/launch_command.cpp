// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <climits>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <unistd.h>

#include "tandem/base/error.h"
#include "tandem/cli/command.h"
#include "tandem/launch/supervisor.h"

namespace tandem::cli {
namespace {

struct LaunchFlags {
  launch::LaunchOptions options;
  std::vector<std::string> command;
  std::string rendezvous;
  int signal_grace = 600;
  std::optional<int> finish_grace;
};

std::string path_of_this_program() {
  std::array<char, PATH_MAX> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  const std::string found(path.data(), length > 0 ? static_cast<size_t>(length) : 0);
  // A program that was replaced meanwhile is still reached through its own process.
  return ::access(found.c_str(), X_OK) == 0 ? found : "/proc/self/exe";
}

/// A command of tandem means this program, anything else is looked for as a shell would.
launch::Program program_of(const std::vector<std::string>& command, const launch::Variables& variables) {
  const std::vector<Command> own = all_commands();
  if (std::none_of(own.begin(), own.end(),
                   [&](const Command& known) { return known.name == command.front(); }))
    return {.path = launch::find_program(command.front(), variables), .arguments = command};
  std::vector<std::string> arguments = command;
  arguments.insert(arguments.begin(), "tandem");
  return {.path = path_of_this_program(), .arguments = arguments};
}

int run_launch(const LaunchFlags& flags) {
  if (flags.signal_grace < 0 || flags.finish_grace.value_or(0) < 0)
    throw InputError("a grace period is a number of seconds from 0 on");
  const launch::Variables variables = launch::process_variables();
  launch::LaunchOptions options = flags.options;
  options.program = program_of(flags.command, variables);
  options.signal_grace = std::chrono::seconds(flags.signal_grace);
  if (flags.finish_grace) options.finish_grace = std::chrono::seconds(*flags.finish_grace);
  if (!flags.rendezvous.empty()) options.rendezvous = launch::parse_rendezvous(flags.rendezvous);
  const launch::LaunchResult result = launch::launch(options, variables);
  if (!result.message.empty()) fmt::print(stderr, "error: {}\n", result.message);
  return result.exit_code;
}

}  // namespace

void register_launch(CLI::App& app, Actions& actions) {
  const auto flags = std::make_shared<LaunchFlags>();
  launch::LaunchOptions& options = flags->options;
  app.add_option("--ranks", options.ranks, "Ranks to start on this node")->required();
  app.add_option("--nodes", options.nodes, "Nodes of the job, each with as many ranks")
      ->capture_default_str();
  app.add_option("--node-rank", options.node_rank, "Place of this node, 0 to nodes - 1")
      ->capture_default_str();
  app.add_option("--rendezvous", flags->rendezvous,
                 "HOST:PORT on node 0 where the ranks meet (one node: a free port of loopback)");
  app.add_option("--interface", options.interface_name,
                 "Network interface to use, as eth0 (one node: loopback)");
  app.add_option("--log-dir", options.log_folder,
                 "Folder for each rank's output, rank_00000.log and so on, appended; also the launcher's "
                 "record of ends and restarts");
  app.add_option(
         "--max-restarts", options.restarts.max_restarts,
         "Restarts in all after a rank failed, each after 1, 2, 4, ... 60 s. Never after exit code 2 or "
         "a signal, and at most 3 in a row without a newly saved step; commands other than train save "
         "none")
      ->capture_default_str();
  app.add_option("--signal-grace", flags->signal_grace,
                 "Seconds that ranks may take to save and end after a signal")
      ->capture_default_str();
  app.add_option("--finish-grace", flags->finish_grace,
                 "Seconds that ranks may run on after the first is done (not given: without limit)");
  app.add_option("command", flags->command,
                 "What each rank runs, after --: a command of tandem, or a program")
      ->required();
  actions.add(app, [flags] { return run_launch(*flags); });
}

}  // namespace tandem::cli
