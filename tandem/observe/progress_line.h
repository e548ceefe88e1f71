// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "tandem/observe/progress.h"

namespace tandem::observe {

/// Time left, where it is known.
using TimeLeft = std::optional<std::chrono::duration<double>>;

/// Formats a duration as `12:34` or `1:02:03`, or with days as `2d 03:04:05`.
std::string format_duration(std::chrono::duration<double> duration);

/// Formats a count in three significant digits, as in `847`, `12.3k`, `4.56M`.
std::string format_rate(double per_second);

/// Formats the line of a plain terminal.
std::string format_plain_line(const ProgressOptions& options, const ProgressState& state, TimeLeft left);

/// Formats the redrawn line for `columns` cells. As they get fewer, the GEMM share, the bar, the speed and
/// the time left are dropped in this order; label, numbers and loss stay to the last.
std::string format_bar_line(const ProgressOptions& options, const ProgressState& state, TimeLeft left,
                            const Terminal& terminal);

}  // namespace tandem::observe
