// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "tandem/observe/terminal.h"

namespace tandem::observe {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

struct LogOptions {
  int rank = 0;
  /// Folder of rank_NNNNN.log, made if missing; empty: no file.
  std::filesystem::path directory;
  LogLevel file_level = LogLevel::kInfo;
  /// Lines of `terminal_level` and above are also printed here; null: nowhere. Not owned.
  Terminal* terminal = nullptr;
  LogLevel terminal_level = LogLevel::kInfo;
};

/// One rank's log. A line of the file is `2026-01-31T12:00:00.000Z rank 0 info message`, appended and
/// flushed at once; several processes may append to files of one folder. Thread-safe.
class Log {
 public:
  /// Opens the file. Throws EnvironmentError if it cannot be written.
  explicit Log(const LogOptions& options);
  ~Log();

  /// Writes a message, each of its lines with the same head. Never throws: a full disk loses lines, not runs.
  void write(LogLevel level, std::string_view message);
  bool wants(LogLevel level) const;

  template <typename... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) {
    if (wants(LogLevel::kDebug)) write(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) {
    if (wants(LogLevel::kInfo)) write(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void warning(fmt::format_string<Args...> format, Args&&... args) {
    if (wants(LogLevel::kWarning))
      write(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) {
    if (wants(LogLevel::kError)) write(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  struct Sinks;
  std::unique_ptr<Sinks> sinks_;
};

/// Makes `log` the one that process_log() returns; null takes it away. Thread-safe.
void set_process_log(std::shared_ptr<Log> log);

/// Returns the process's log; until one is set, a log that drops everything, so that libraries never print.
/// Thread-safe.
std::shared_ptr<Log> process_log();

}  // namespace tandem::observe
