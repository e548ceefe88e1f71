// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tandem/base/error.h"

namespace tandem::comm {

/// Ranks could not talk to each other: a peer ended, was silent past the deadline, or the network broke. From
/// here on they agree on nothing; only an end, and a new start, puts them together again.
class LostPeerError : public EnvironmentError {
 public:
  using EnvironmentError::EnvironmentError;
};

}  // namespace tandem::comm
