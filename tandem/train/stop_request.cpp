// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/stop_request.h"

#include <csignal>

namespace tandem::train {

namespace {

volatile std::sig_atomic_t signal_came = 0;

void note_signal(int) { signal_came = 1; }

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
  handle_with(note_signal);
}

bool StopRequest::came() const { return signal_came != 0; }

}  // namespace tandem::train
