// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

namespace tandem::checkpoint {

/// Takes over how many bytes of long work are done, of how many. May be empty; called from one thread at a
/// time.
using ByteProgress = std::function<void(int64_t done, int64_t total)>;

}  // namespace tandem::checkpoint
