// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/stop_request.h"

#include <csignal>
#include <string_view>

#include <unistd.h>

#include "tandem/base/exit_code.h"

namespace tandem::train {

namespace {

volatile std::sig_atomic_t signal_came = 0;

void note(int) { signal_came = 1; }

void leave(int) {
  constexpr std::string_view kLine =
      "error: stopped by a signal before the first step, nothing is lost; the same command starts again\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kLine.data(), kLine.size());
  ::_exit(kEnvironmentExit);
}

void handle_with(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
}

}  // namespace

StopRequest::StopRequest() {
  signal_came = 0;
  handle_with(leave);
}

void StopRequest::wait_for_steps() { handle_with(note); }

bool StopRequest::came() const { return signal_came != 0; }

}  // namespace tandem::train
