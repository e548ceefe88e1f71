// SPDX-License-Identifier: Apache-2.0
// quick_launcher FIRST_DELAY_MS [--FLAG VALUE]… -- PROGRAM…: launches as `tandem launch` does, with a
// back-off that suits a test. Flags: those of `tandem launch` that the tests need.
#include <map>

#include "tandem/base/error.h"
#include "tandem/launch/supervisor.h"

using namespace tandem;
using namespace tandem::launch;

namespace {

LaunchOptions parse(std::vector<std::string> words) {
  LaunchOptions options;
  options.restarts.first_delay = std::chrono::milliseconds(std::stoi(words.at(0)));
  std::map<std::string, std::string> flags;
  size_t i = 1;
  for (; words.at(i) != "--"; i += 2) flags[words[i]] = words.at(i + 1);
  const auto number = [&](const std::string& flag, int otherwise) {
    return flags.contains(flag) ? std::stoi(flags[flag]) : otherwise;
  };
  options.ranks = number("--ranks", 1);
  options.nodes = number("--nodes", 1);
  options.node_rank = number("--node-rank", 0);
  options.restarts.max_restarts = number("--max-restarts", 0);
  options.log_folder = flags["--log-dir"];
  if (flags.contains("--rendezvous")) options.rendezvous = parse_rendezvous(flags["--rendezvous"]);
  if (flags.contains("--finish-grace"))
    options.finish_grace = std::chrono::seconds(number("--finish-grace", 0));
  options.program.arguments.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
  options.program.path = find_program(options.program.arguments.at(0), process_variables());
  return options;
}

}  // namespace

int main(int count, char** words) try {
  const LaunchResult result = launch::launch(parse({words + 1, words + count}));
  if (!result.message.empty()) fmt::print(stderr, "error: {}\n", result.message);
  return result.exit_code;
} catch (const Error& error) {
  fmt::print(stderr, "error: {}\n", error.what());
  return error.exit_code();
}
