// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include "tandem/base/descriptor.h"

namespace tandem::launch {

/// A tiny process that outlives a killed launcher just long enough to kill the process groups it was told
/// of. A rank itself dies with its launcher anyway (PR_SET_PDEATHSIG); what the rank started does not.
class Guard {
 public:
  /// Forks it. Call before the ranks are started and while the process has one thread. Throws
  /// EnvironmentError.
  Guard();
  /// Ends it and waits until it is gone.
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  void watch(pid_t group) { tell(group); }
  void forget(pid_t group) { tell(-group); }

 private:
  void tell(pid_t message);

  Descriptor orders_;    ///< the guard acts when this is closed, by whatever cause
  Descriptor farewell_;  ///< closed by the guard's end
};

}  // namespace tandem::launch
