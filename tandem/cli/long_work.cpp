// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/long_work.h"

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>

#include "tandem/base/error.h"
#include "tandem/cli/bytes_bar.h"

namespace tandem::cli {
namespace {

constexpr std::array kSignals{SIGINT, SIGTERM};

// Any of the threads that work may look.
std::atomic<int> signal_that_came = 0;
static_assert(std::atomic<int>::is_always_lock_free);

// Sees signals for as long as it lives.
class Listening {
 public:
  Listening() {
    signal_that_came = 0;
    struct sigaction action {};
    action.sa_handler = [](int signal) { signal_that_came = signal; };
    // Who asks twice has seen that the work does not look.
    action.sa_flags = SA_RESTART | SA_RESETHAND;
    for (size_t i = 0; i < kSignals.size(); ++i) {
      ::sigaction(kSignals[i], nullptr, &before_[i]);
      if (before_[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &action, nullptr);
    }
  }
  ~Listening() {
    for (size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
  }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;

 private:
  std::array<struct sigaction, kSignals.size()> before_{};
};

[[noreturn]] void throw_interrupted() {
  throw EnvironmentError(
      "interrupted by SIG{}: the unfinished output is removed; the same command starts again",
      ::sigabbrev_np(signal_that_came));
}

}  // namespace

void do_long_work(const std::string& label,
                  const std::function<void(const checkpoint::ByteProgress& progress)>& work) {
  const Listening listening;
  BytesBar bar(label);
  const checkpoint::ByteProgress update = bar.updates();
  std::atomic<bool> stopped = false;
  try {
    work([&](int64_t done, int64_t total) {
      if (signal_that_came != 0) {
        stopped = true;
        throw_interrupted();
      }
      update(done, total);
    });
  } catch (const Error& error) {
    // On its way up the error was told with what it stopped.
    if (stopped && error.kind() == ErrorKind::kEnvironment) throw_interrupted();
    throw;
  }
  bar.finish();
}

}  // namespace tandem::cli
