// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "tandem/base/descriptor.h"
#include "tandem/launch/environment.h"
#include "tandem/launch/signal_source.h"

namespace tandem::launch {

/// What to execute.
struct Program {
  std::string path;
  std::vector<std::string> arguments;  ///< from argv[0] on
};

/// Finds a command as a shell would: as it is if it holds a slash, else in the folders of PATH. Throws
/// InputError if there is no such executable file.
std::string find_program(const std::string& command, const Variables& variables);

/// How a process ended.
struct Ending {
  int exit_code = 0;
  int signal = 0;  ///< not 0: killed by this signal

  bool well() const { return exit_code == 0 && signal == 0; }
};

/// A started process: leader of its own process group, standard input empty, both outputs piped to here
/// (read ends, not blocking). It is killed if the thread that started it dies.
struct RankProcess {
  pid_t pid = -1;
  Descriptor output, error;
};

/// Starts a program with exactly these variables. `signals`: what the child undoes; `inherited`: a descriptor
/// that the program keeps under its number besides the standard three. Throws InputError if this
/// is no program to execute, EnvironmentError if it or a process cannot be had now.
RankProcess start_process(const Program& program, const Variables& variables, const SignalSource& signals,
                          int inherited);

}  // namespace tandem::launch
