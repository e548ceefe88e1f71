// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace tandem::checkpoint {

/// Which steps stay. A step that any of the rules keeps stays.
struct RetentionRule {
  int64_t newest = 0;  ///< so many of the newest; 0: all
  int64_t every = 0;   ///< those whose number this divides; 0: none
  int64_t best = 0;    ///< so many of those with the lowest held-out loss, the newer of equal ones
};

/// A whole step, as the rule sees it.
struct KeptStep {
  int64_t step = 0;
  std::optional<double> validation_loss;
  std::string seal = {};  ///< claimed_seal of its manifest, where steps are told apart by it; no rule asks
};

/// Returns the steps that the rule keeps of these. Pure.
std::set<int64_t> kept_steps(std::vector<KeptStep> whole, const RetentionRule& rule);

/// Returns the steps that the rule does not keep. `verified` are steps whose bytes were read back and found
/// good since they were written; nothing is removed that is newer than the newest of them or is that one, so
/// that the last good step never goes. Pure.
std::set<int64_t> superfluous_steps(const std::vector<KeptStep>& whole, const RetentionRule& rule,
                                    const std::set<int64_t>& verified);

/// Removes what superfluous_steps says of the whole steps in a folder, and returns the folders removed.
/// Damaged steps count for nothing and stay to be looked at while they are newer than the oldest step that
/// stays, or their number keeps them; others are removed. One process calls it, the one that saves there.
/// EnvironmentError where a removal fails or, with nothing removed, a step cannot be looked at; InputError
/// where the steps are not all of one run.
std::vector<std::filesystem::path> apply_retention(const std::filesystem::path& folder,
                                                   const RetentionRule& rule,
                                                   const std::set<int64_t>& verified);

}  // namespace tandem::checkpoint
