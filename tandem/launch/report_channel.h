// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::launch {

/// What a rank finds in its environment where its launcher listens to reports: the number of an inherited
/// descriptor, the write end of a pipe, and that pipe's inode. A descriptor of that number that is another
/// file was opened by somebody else and is left alone.
inline constexpr const char* kReportDescriptorVariable = "TANDEM_REPORT_DESCRIPTOR";
inline constexpr const char* kReportPipeVariable = "TANDEM_REPORT_PIPE";

/// Tells the launcher that a step is committed: progress, after which failures are counted anew. Call it on
/// every rank, or at least one of each node, once the step can be loaded. Does nothing where no launcher
/// listens; never blocks (a report that finds the pipe full is lost), throws or raises SIGPIPE. Programs
/// started later do not inherit the descriptor. Thread-safe.
void report_committed_step(int64_t step) noexcept;

/// Returns the line that says so, newline included; shorter than PIPE_BUF, so that ranks do not mix theirs.
std::string committed_step_line(int64_t step);

/// Returns the step if a line, without its newline, reports a committed one; empty for other events and for
/// what is no report.
std::optional<int64_t> parse_committed_step(std::string_view line);

}  // namespace tandem::launch
