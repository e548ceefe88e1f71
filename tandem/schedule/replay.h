// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tandem/schedule/schedule.h"

namespace tandem::schedule {

/// A stage that does not come to the end of its list.
struct StuckStage {
  size_t stage = 0;
  std::string place;  ///< the action it waits at, or "the end"
};

/// Runs the lists with the waits that Action describes, and returns the stages that wait for ever. A message
/// is gone once the neighbour has reached its receive: nothing is counted on to hold it in between.
std::vector<StuckStage> replay(const Program& program, Purpose purpose);

}  // namespace tandem::schedule
