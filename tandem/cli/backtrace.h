// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>

namespace tandem::cli {

/// Returns whether TANDEM_BACKTRACE=1.
bool backtrace_wanted();

/// Prints where the last exception was thrown, innermost frame first. Knows only what was thrown while a
/// backtrace was wanted.
void print_last_backtrace(std::FILE* stream);

}  // namespace tandem::cli
