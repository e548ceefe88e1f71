// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace tandem {

/// Names who can mend an error, and with it the exit code of the process.
enum class ErrorKind {
  kInput,        ///< the user: a flag, a config value, a data file, a request. Exit code 2.
  kEnvironment,  ///< the surroundings: disk, network, a peer, memory; a retry may work. Exit code 3.
  kBug,          ///< tandem itself: a broken invariant. Exit code 70.
};

/// Base of all errors of tandem. `what()` is one line: what happened, where, and what to do.
class Error : public std::runtime_error {
 public:
  ErrorKind kind() const { return kind_; }
  /// Returns the exit code of the kind: 2, 3 or 70.
  int exit_code() const;

 protected:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}

 private:
  ErrorKind kind_;
};

/// The user can mend it.
class InputError : public Error {
 public:
  template <typename... Args>
  explicit InputError(fmt::format_string<Args...> format, Args&&... args)
      : Error(ErrorKind::kInput, fmt::format(format, std::forward<Args>(args)...)) {}
};

/// Disk, network, a peer or memory failed; a retry or a restart may mend it.
class EnvironmentError : public Error {
 public:
  template <typename... Args>
  explicit EnvironmentError(fmt::format_string<Args...> format, Args&&... args)
      : Error(ErrorKind::kEnvironment, fmt::format(format, std::forward<Args>(args)...)) {}
};

/// An invariant of tandem does not hold.
class BugError : public Error {
 public:
  template <typename... Args>
  explicit BugError(fmt::format_string<Args...> format, Args&&... args)
      : Error(ErrorKind::kBug, fmt::format(format, std::forward<Args>(args)...)) {}
};

namespace detail {
[[noreturn]] void fail_check(const char* file, int line, const char* condition, const std::string& message);
}

}  // namespace tandem

/// Throws BugError with file, line and the formatted message unless `condition` holds.
#define TANDEM_CHECK(condition, ...)                                                               \
  do {                                                                                             \
    if (!(condition))                                                                              \
      ::tandem::detail::fail_check(__FILE__, __LINE__, #condition, ::fmt::format("" __VA_ARGS__)); \
  } while (false)
