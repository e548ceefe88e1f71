// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tandem::train {

/// Catches SIGTERM and SIGINT while it lives: the trainer looks at it between steps. One object a process.
class StopRequest {
 public:
  StopRequest();
  ~StopRequest();
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;

  /// Returns whether a signal has come.
  bool came() const;
};

}  // namespace tandem::train
