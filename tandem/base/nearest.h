// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tandem {

/// Returns the number of bytes to insert, delete, replace or swap with a neighbour until `a` is `b` (optimal
/// string alignment distance).
size_t edit_distance(std::string_view a, std::string_view b);

/// Returns the candidate nearest to `word`, the first of equals; empty without candidates. For dotted words a
/// candidate with the same or a nearly same last part is near whatever stands before it:
/// `train.learning_rate` finds `optimizer.learning_rate`.
std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace tandem
