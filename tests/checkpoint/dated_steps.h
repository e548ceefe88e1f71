// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "stored_model.h"
#include "tandem/checkpoint/reader.h"

namespace tandem::checkpoint {

// Steps of the made-up model whose values tell which step they are of, saved by four ranks.

/// Saves a step, each rank a thread on a machine of its own, and returns what each threw, or nullptr.
std::vector<std::exception_ptr> try_to_save(const std::filesystem::path& folder, int64_t step,
                                            int64_t generation = 2);

/// As above, but throws what rank 0 threw.
void save_dated(const std::filesystem::path& folder, int64_t step, int64_t generation = 2);

/// Returns "" if all values of a step are those that were saved, else what is wrong.
std::string flaw_of_values(const StepReader& reader);

/// What a reader may find.
struct ExpectedSteps {
  std::set<int64_t> newest;  ///< the newest whole step is one of these
  bool may_be_none = false;  ///< or there is none
  bool has_damaged = false;  ///< a damaged one may be seen
};

/// Returns "" if the newest step is an expected one and good to the last byte, no manifest lies anywhere
/// without its files and no step is seen without a manifest, and the save of the step after it succeeds and
/// leaves nothing half-done; else what is wrong.
std::string flaw_of_steps(const std::filesystem::path& folder, const ExpectedSteps& expected);

}  // namespace tandem::checkpoint
