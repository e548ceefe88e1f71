// SPDX-License-Identifier: Apache-2.0
#include "tandem/observe/terminal.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tandem/base/utf8.h"

namespace tandem::observe {
namespace {

constexpr std::string_view kEraseToEnd = "\x1b[K";

void write_to_standard_error(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // Nobody reads any more; the work goes on without its audience.
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

// A launcher that passes this process's lines on to a terminal says so, and how many columns that one has.
const char* terminal_behind_pipe() {
  struct stat status {};
  const bool pipe = ::fstat(STDERR_FILENO, &status) == 0 && S_ISFIFO(status.st_mode);
  return pipe ? std::getenv("TANDEM_TERMINAL") : nullptr;
}

int columns_of_standard_error() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* told = terminal_behind_pipe();
  const int columns = told == nullptr ? 0 : std::atoi(told);
  return columns > 0 ? columns : 80;
}

bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    std::string lower(value);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower.find("utf-8") != std::string::npos || lower.find("utf8") != std::string::npos;
  }
  return false;
}

TerminalStyle style_of_standard_error() {
  const char* term = std::getenv("TERM");
  const bool terminal = ::isatty(STDERR_FILENO) != 0 || terminal_behind_pipe() != nullptr;
  if (!terminal || term == nullptr || std::string_view(term) == "dumb") return TerminalStyle::kPlain;
  return locale_is_utf8() ? TerminalStyle::kUnicode : TerminalStyle::kAscii;
}

}  // namespace

Terminal::Terminal(Options options) : options_(std::move(options)) {}

Terminal::~Terminal() { clear_status(); }

void Terminal::print(std::string_view line) {
  const std::lock_guard lock(mutex_);
  std::string bytes;
  bytes.reserve(line.size() + status_.size() + 16);
  if (!status_.empty()) bytes += '\r';
  bytes += line;
  if (!status_.empty()) bytes += kEraseToEnd;
  bytes += '\n';
  if (!status_.empty()) bytes.append(status_).append(kEraseToEnd);
  options_.write(bytes);
}

void Terminal::show_status(std::string_view line) {
  if (!redraws()) return;
  const std::lock_guard lock(mutex_);
  const std::string_view shown = cut_to_columns(line, columns());
  if (shown == status_) return;
  status_ = shown;
  options_.write(std::string("\r").append(status_).append(kEraseToEnd));
}

void Terminal::clear_status() {
  const std::lock_guard lock(mutex_);
  if (status_.empty()) return;
  status_.clear();
  options_.write(std::string("\r").append(kEraseToEnd));
}

int Terminal::columns() const {
  // One cell stays free: a full line would make some terminals wrap.
  return std::max(1, (options_.columns ? options_.columns() : 80) - 1);
}

Terminal& standard_error() {
  static Terminal terminal({.write = write_to_standard_error,
                            .columns = columns_of_standard_error,
                            .style = style_of_standard_error()});
  return terminal;
}

std::string_view cut_to_columns(std::string_view text, int columns) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (begins_character(text[i]) && columns-- <= 0) return text.substr(0, i);
  }
  return text;
}

}  // namespace tandem::observe
