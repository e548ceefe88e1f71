// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tandem/cli/command.h"

namespace tandem::cli {

/// Parses the command line over these commands and runs the chosen one. Prints help and version; throws
/// InputError for a command line that it cannot parse. Returns the exit code.
int run_command_line(const std::vector<Command>& commands, int argc, char** argv);

/// Runs `body` as a whole program: returns its exit code, or for an exception prints one line `error: …` on
/// standard error and returns 2, 3 or 70; the last exception's backtrace follows if TANDEM_BACKTRACE=1. With
/// `hand_over` and `main` the only place that ends the process.
int run_program(const std::function<int()>& body) noexcept;

/// Replaces this process by tandem-tensor, which lies beside this program, with the same arguments. Throws
/// EnvironmentError if it cannot be started.
[[noreturn]] void hand_over(char** argv);

}  // namespace tandem::cli
