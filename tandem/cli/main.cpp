// SPDX-License-Identifier: Apache-2.0
// The program of the user. It never loads libtorch: commands that need tensors run in tandem-tensor.
#include <span>

#include "tandem/cli/shell.h"

int main(int argc, char** argv) {
  using namespace tandem::cli;
  return run_program([&] {
    const std::vector<Command> commands = all_commands();
    const Command* command = find_command(commands, std::span(argv, static_cast<size_t>(argc)).subspan(1));
    if (command != nullptr && command->register_options == nullptr) hand_over(argv);
    return run_command_line(commands, argc, argv);
  });
}
