// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "tandem/checkpoint/agreement.h"
#include "tandem/checkpoint/retention.h"
#include "tandem/checkpoint/tiers.h"

namespace tandem::checkpoint {

/// Returns which rank copies each of `files` files, where `held[rank]` lists those that a rank has on its
/// node's disk: one that has it, as even as goes; nothing for a file that none has. Pure.
std::vector<std::optional<int>> assign_copies(size_t files, const std::vector<std::vector<size_t>>& held);

/// Copies the step of this number and seal from the folders of the nodes to the one that all ranks share, and
/// returns its folder there. All ranks call. Each file is copied by a rank whose node has it; no chunk is
/// written that has not the checksum of the manifest, and once all are on the disk the step appears by one
/// rename, with the same manifest. Then each file is read back by another rank than its copier. A copy that
/// is there already, of the same manifest, is only read back; one found damaged is put aside and made again.
/// Takes one chunk of memory.
///
/// Communicates: a few small texts, and one with a number a file. What one rank cannot do is an error on all:
/// EnvironmentError where a file is damaged or on no disk; UnreadableError where the shared folder cannot be
/// written or what it took reads otherwise, for the step may be whole; InputError where it holds another
/// whole step of that number.
std::filesystem::path copy_step(const Tiers& tiers, const KeptStep& step, Agreement& agreement);

}  // namespace tandem::checkpoint
