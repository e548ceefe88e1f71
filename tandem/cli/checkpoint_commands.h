// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tandem/cli/command.h"

namespace tandem::cli {

/// Adds one subcommand of `tandem checkpoint`, with its options and action.
void register_inspect(CLI::App& parent, Actions& actions);
void register_verify(CLI::App& parent, Actions& actions);
void register_diff(CLI::App& parent, Actions& actions);
void register_reshard(CLI::App& parent, Actions& actions);
void register_import(CLI::App& parent, Actions& actions);
void register_export(CLI::App& parent, Actions& actions);
void register_prune(CLI::App& parent, Actions& actions);

}  // namespace tandem::cli
