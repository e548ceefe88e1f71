// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tandem::train {

/// Catches SIGTERM and SIGINT from its making to the end of the process, so that a second signal does not cut
/// short what the first one asked for: the trainer looks at it between steps. One object a process at a time.
class StopRequest {
 public:
  StopRequest();
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;

  /// Returns whether a signal has come.
  bool came() const;
};

}  // namespace tandem::train
