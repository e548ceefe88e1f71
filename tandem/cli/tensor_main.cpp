// SPDX-License-Identifier: Apache-2.0
// The half of tandem that stands on libtorch. `tandem` hands over to it; nobody else calls it.
#include <span>

#include "tandem/base/allocator.h"
#include "tandem/base/error.h"
#include "tandem/cli/shell.h"

int main(int argc, char** argv) {
  using namespace tandem::cli;
  tandem::tune_allocator();
  return run_program([&] {
    const std::vector<Command> commands = tensor_commands();
    const Command* command = find_command(commands, std::span(argv, static_cast<size_t>(argc)).subspan(1));
    if (command == nullptr || command->register_options == nullptr)
      throw tandem::InputError(
          "tandem-tensor only runs what tandem hands over to it; call tandem, see tandem --help");
    return run_command_line(commands, argc, argv);
  });
}
