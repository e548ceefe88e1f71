// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tandem::train {

/// What SIGTERM and SIGINT do to a run, from here to the end of the process. While data are opened and ranks
/// join, nothing could be lost: the process ends at once with one line and exit code 3. Once there are steps,
/// the trainer looks at it between them; a second signal does not cut short what the first one asked for. One
/// object a process at a time.
class StopRequest {
 public:
  StopRequest();
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;

  /// From here on a signal waits for the end of a step.
  void wait_for_steps();
  /// Returns whether a signal has come since wait_for_steps.
  bool came() const;
};

}  // namespace tandem::train
