// SPDX-License-Identifier: Apache-2.0
#include "tandem/launch/report_channel.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <exception>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "tandem/base/error.h"
#include "tandem/base/strict_json.h"
#include "tandem/launch/number.h"

namespace tandem::launch {
namespace {

constexpr size_t kLongestLine = 512;  // what PIPE_BUF is at least (POSIX)

std::optional<int64_t> number_in(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? std::nullopt : parse_number(text);
}

/// Returns the launcher's pipe, -1 if there is none. One that could block is not the launcher's.
int report_descriptor() {
  const auto number = number_in(kReportDescriptorVariable), inode = number_in(kReportPipeVariable);
  if (!number || !inode || *number > 1'000'000) return -1;
  const int descriptor = static_cast<int>(*number);
  struct stat status {};
  const int flags = ::fcntl(descriptor, F_GETFL);
  const bool ours = flags >= 0 && (flags & O_ACCMODE) == O_WRONLY && (flags & O_NONBLOCK) != 0 &&
                    ::fstat(descriptor, &status) == 0 && S_ISFIFO(status.st_mode) &&
                    status.st_ino == static_cast<ino_t>(*inode);
  return ours ? descriptor : -1;
}

/// Writes to a pipe whose reader may have gone, without SIGPIPE and without changing what the process does
/// about it.
void write_quietly(int descriptor, std::string_view bytes) {
  sigset_t broken_pipe, former, pending;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  sigemptyset(&pending);
  ::sigpending(&pending);
  const bool waited = sigismember(&pending, SIGPIPE) == 1;
  ::pthread_sigmask(SIG_BLOCK, &broken_pipe, &former);
  ssize_t written = 0;
  do {
    written = ::write(descriptor, bytes.data(), bytes.size());
  } while (written < 0 && errno == EINTR);
  if (written < 0 && errno == EPIPE && !waited) {
    const timespec now{};
    ::sigtimedwait(&broken_pipe, nullptr, &now);
  }
  ::pthread_sigmask(SIG_SETMASK, &former, nullptr);
}

}  // namespace

void report_committed_step(int64_t step) noexcept {
  try {
    const int descriptor = report_descriptor();
    if (descriptor < 0) return;
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    write_quietly(descriptor, committed_step_line(step));
  } catch (const std::exception&) {
    // No memory for a line: the launcher then knows of one step less.
  }
}

std::string committed_step_line(int64_t step) {
  return fmt::format("{{\"event\":\"committed\",\"step\":{}}}\n", step);
}

std::optional<int64_t> parse_committed_step(std::string_view line) {
  if (line.size() > kLongestLine) return std::nullopt;
  try {
    const nlohmann::json report = parse_strict_json(std::string(line), "report", {.depth = 4});
    if (!report.is_object() || report.value("event", nlohmann::json()) != "committed") return std::nullopt;
    const nlohmann::json step = report.value("step", nlohmann::json());
    // A number above int64 would come out as a negative one.
    if (!step.is_number_unsigned() || step.get<uint64_t>() > INT64_MAX) return std::nullopt;
    return step.get<int64_t>();
  } catch (const InputError&) {
    return std::nullopt;
  }
}

}  // namespace tandem::launch
