// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "tandem/comm/group.h"

namespace tandem::train {

/// Returns the largest that any rank gives of each number, as many on all ranks. All ranks of the group call;
/// one all-reduce of 8 bytes a number.
std::vector<int64_t> largest_of_ranks(const comm::Group& group, const std::vector<int64_t>& mine);

}  // namespace tandem::train
