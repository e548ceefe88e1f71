// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tandem/layout/slice.h"

namespace tandem::checkpoint {

/// Returns what is wrong with `boxes` as a cover of a tensor of `shape`, each element exactly once, or
/// nothing. Boxes may be anything a damaged file says; the shape must have at most 2^62 elements. Takes
/// O(n log n) for boxes that lie one behind another along some dim, as those of all layouts do; where very
/// many lie side by side along each dim, that is the problem.
std::optional<std::string> coverage_problem(const layout::Shape& shape,
                                            const std::vector<layout::Slice>& boxes);

}  // namespace tandem::checkpoint
