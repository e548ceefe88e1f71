// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "crash_states.h"

namespace tandem::checkpoint {

/// Returns all that changes a folder of steps, or what leads to it.
const std::vector<Scenario>& saving_scenarios();

/// Returns the one of this name.
const Scenario& saving_scenario(const std::string& name);

}  // namespace tandem::checkpoint
