// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace tandem::checkpoint {

/// Removes all steps of `folder` older than the newest `keep` whole ones, and returns the folders removed.
/// The newest whole step always stays; damaged steps count for nothing, and newer ones stay to be looked at.
/// `keep` 0 keeps all. One process calls it, the one that saves there. EnvironmentError where a removal
/// fails.
std::vector<std::filesystem::path> keep_newest(const std::filesystem::path& folder, int64_t keep);

}  // namespace tandem::checkpoint
