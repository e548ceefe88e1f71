// SPDX-License-Identifier: Apache-2.0
#include "tandem/launch/guard.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

#include <sys/prctl.h>
#include <sys/wait.h>

#include "tandem/base/error.h"
#include "tandem/launch/pipe.h"

namespace tandem::launch {
namespace {

constexpr size_t kMostGroups = 4096;

void close_all_but(std::array<int, 2> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned low = 0;
  for (const int descriptor : kept) {
    const auto next = static_cast<unsigned>(descriptor);
    if (next > low) ::close_range(low, next - 1, 0);
    low = next + 1;
  }
  ::close_range(low, UINT_MAX, 0);
}

/// Runs in the forked process: no memory may be allocated here.
[[noreturn]] void run_guard(int orders, int farewell) {
  ::setsid();
  ::prctl(PR_SET_NAME, "rank-guard");
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::signal(signal, SIG_IGN);
  close_all_but({orders, farewell});
  static std::array<pid_t, kMostGroups> groups;
  auto end = groups.begin();
  pid_t message = 0;
  for (;;) {
    const ssize_t size = ::read(orders, &message, sizeof(message));
    if (size < 0 && errno == EINTR) continue;
    if (size != sizeof(message)) break;
    if (message > 0 && end != groups.end()) *end++ = message;
    if (message < 0) end = std::remove(groups.begin(), end, -message);
  }
  for (auto group = groups.begin(); group != end; ++group) ::kill(-*group, SIGKILL);
  ::_exit(0);
}

}  // namespace

Guard::Guard() {
  Pipe orders = make_pipe(), farewell = make_pipe();
  orders_ = std::move(orders.write_end);
  farewell_ = std::move(farewell.read_end);
  const pid_t child = ::fork();
  if (child < 0) throw EnvironmentError("cannot start a process: {}", std::strerror(errno));
  if (child == 0) {
    // Forked twice: the launcher's children are its ranks and nothing else.
    if (::fork() == 0) run_guard(orders.read_end.get(), farewell.write_end.get());
    ::_exit(0);
  }
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Guard::~Guard() {
  orders_.reset();
  char byte = 0;
  while (::read(farewell_.get(), &byte, 1) < 0 && errno == EINTR) {
  }
}

void Guard::tell(pid_t message) {
  // Messages are shorter than PIPE_BUF, so whole. A guard that somebody killed is done without.
  while (::write(orders_.get(), &message, sizeof(message)) < 0 && errno == EINTR) {
  }
}

}  // namespace tandem::launch
