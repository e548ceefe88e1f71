// SPDX-License-Identifier: Apache-2.0
#include "tandem/launch/signal_source.h"

#include <cerrno>
#include <cstring>

#include <sys/signalfd.h>

#include "tandem/base/error.h"

namespace tandem::launch {

SignalSource::SignalSource() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&signals, signal);
  struct sigaction hang_up {};
  ::sigaction(SIGHUP, nullptr, &hang_up);
  // nohup ignores it before the launcher starts.
  if (hang_up.sa_handler != SIG_IGN) sigaddset(&signals, SIGHUP);
  struct sigaction action {};
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, &former_pipe_);
  // Ignored, children would vanish before anybody could ask how they ended.
  action.sa_handler = SIG_DFL;
  ::sigaction(SIGCHLD, &action, &former_child_);
  ::pthread_sigmask(SIG_BLOCK, &signals, &former_mask_);
  descriptor_.reset(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (descriptor_) return;
  const int error = errno;
  restore();
  throw EnvironmentError("cannot listen to signals: {}", std::strerror(error));
}

SignalSource::~SignalSource() {
  ::sigaction(SIGPIPE, &former_pipe_, nullptr);
  ::sigaction(SIGCHLD, &former_child_, nullptr);
}

void SignalSource::restore() const {
  ::signal(SIGTERM, SIG_DFL);
  ::signal(SIGINT, SIG_DFL);
  ::sigaction(SIGPIPE, &former_pipe_, nullptr);
  ::sigaction(SIGCHLD, &former_child_, nullptr);
  ::pthread_sigmask(SIG_SETMASK, &former_mask_, nullptr);
}

std::vector<int> SignalSource::take() {
  std::vector<int> signals;
  signalfd_siginfo info{};
  while (::read(descriptor_.get(), &info, sizeof(info)) == sizeof(info))
    signals.push_back(static_cast<int>(info.ssi_signo));
  return signals;
}

}  // namespace tandem::launch
