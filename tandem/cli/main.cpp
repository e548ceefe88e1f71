// SPDX-License-Identifier: Apache-2.0
// The program of the user. It never loads libtorch: commands that need tensors run in tandem-tensor.
#include <string_view>

#include "tandem/cli/shell.h"

int main(int argc, char** argv) {
  using namespace tandem::cli;
  return run_program([&] {
    const std::vector<Command> commands = all_commands();
    for (const Command& command : commands)
      if (argc > 1 && command.name == argv[1] && command.register_options == nullptr) hand_over(argv);
    return run_command_line(commands, argc, argv);
  });
}
