// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace tandem::cli {

/// Says in one line what is wrong with a command line that `root` could not parse: an unknown flag or command
/// with the nearest known one, else what the parser found. Ends with the help to ask for.
std::string usage_problem(const CLI::App& root, const CLI::ParseError& error);

}  // namespace tandem::cli
