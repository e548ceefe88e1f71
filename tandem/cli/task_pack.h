// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

#include "tandem/cli/command.h"

namespace tandem::cli {

/// Adds `pack` to the command `task`.
void register_task_pack(CLI::App& parent, Actions& actions);

}  // namespace tandem::cli
