// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>
#include <vector>

#include "tandem/base/descriptor.h"

namespace tandem::launch {

/// Turns the signals that concern a launcher (SIGTERM, SIGINT, SIGHUP unless ignored, SIGCHLD) into
/// something to read, and ignores SIGPIPE, while it lives. One at a time, made by the thread that starts the
/// ranks while the process has no other.
class SignalSource {
 public:
  SignalSource();
  /// Leaves SIGTERM, SIGINT and SIGHUP blocked: the ranks are gone, and a late signal would only replace the
  /// exit code that says how.
  ~SignalSource();
  SignalSource(const SignalSource&) = delete;
  SignalSource& operator=(const SignalSource&) = delete;

  /// Returns a descriptor that is readable when a signal waits.
  int descriptor() const { return descriptor_.get(); }
  /// Returns the waiting signals in order of arrival; does not block.
  std::vector<int> take();

  /// Gives a forked child the signal mask and dispositions from before, but lets it hear SIGTERM and SIGINT
  /// even where the launcher was started with them ignored, as a shell script starts what it puts in the
  /// background. Async-signal-safe.
  void restore() const;

 private:
  Descriptor descriptor_;
  sigset_t former_mask_{};
  struct sigaction former_pipe_ {
  }, former_child_{};
};

}  // namespace tandem::launch
