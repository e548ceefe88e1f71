// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace tandem::observe {

/// What a terminal can show. A plain one is a pipe or a file: no line is ever redrawn there.
enum class TerminalStyle { kPlain, kAscii, kUnicode };

/// Where people read: lines, and at their bottom at most one status line that is redrawn in place.
/// Every change reaches `write` as one piece, so that nothing flickers. Thread-safe.
class Terminal {
 public:
  struct Options {
    std::function<void(std::string_view)> write;  ///< gets bytes; called under a lock, one piece a change
    std::function<int()> columns;                 ///< asked at each redraw, so that a resize is followed
    TerminalStyle style = TerminalStyle::kPlain;
  };
  explicit Terminal(Options options);
  /// Clears the status line.
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// Prints a line (without its newline) above the status line.
  void print(std::string_view line);
  /// Replaces the status line; `line` fits into columns() or is cut there. Does nothing on a plain terminal.
  void show_status(std::string_view line);
  /// Takes the status line away.
  void clear_status();

  TerminalStyle style() const { return options_.style; }
  bool redraws() const { return options_.style != TerminalStyle::kPlain; }
  /// Returns the number of character cells that a status line may fill, at least 1.
  int columns() const;

 private:
  const Options options_;
  std::mutex mutex_;
  std::string status_;
};

/// Returns the process's standard error as a terminal, made at the first call. It is plain unless it is a
/// terminal or a launcher says that one lies behind it (TANDEM_TERMINAL, its columns), and TERM is not
/// "dumb"; Unicode if the locale's variables say UTF-8.
Terminal& standard_error();

/// Cuts UTF-8 text after `columns` characters, each counted as one cell.
std::string_view cut_to_columns(std::string_view text, int columns);

}  // namespace tandem::observe
