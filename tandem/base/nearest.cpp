// SPDX-License-Identifier: Apache-2.0
#include "tandem/base/nearest.h"

#include <algorithm>
#include <limits>

namespace tandem {
namespace {

/// A name from outside can be of any length; what is longer than this is near to nothing anyway.
constexpr size_t kLongest = 256;

std::string_view last_part(std::string_view word) {
  const size_t dot = word.rfind('.');
  return dot == std::string_view::npos ? word : word.substr(dot + 1);
}

size_t distance_of_names(std::string_view word, std::string_view candidate) {
  // Two more for another group: a slip of one or two letters in the same group is likelier.
  return std::min(edit_distance(word, candidate), edit_distance(last_part(word), last_part(candidate)) + 2);
}

}  // namespace

size_t edit_distance(std::string_view a, std::string_view b) {
  const size_t width = b.size() + 1;
  std::vector<size_t> table((a.size() + 1) * width);
  const auto at = [&](size_t i, size_t j) -> size_t& { return table[i * width + j]; };
  for (size_t i = 0; i <= a.size(); ++i) at(i, 0) = i;
  for (size_t j = 0; j <= b.size(); ++j) at(0, j) = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = at(i - 1, j - 1) + (a[i - 1] == b[j - 1] ? 0 : 1);
      at(i, j) = std::min({replaced, at(i - 1, j) + 1, at(i, j - 1) + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
    }
  }
  return at(a.size(), b.size());
}

std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates) {
  word = word.substr(0, kLongest);
  size_t smallest = std::numeric_limits<size_t>::max();
  std::string nearest;
  for (const std::string& candidate : candidates) {
    const size_t distance = distance_of_names(word, candidate);
    if (distance < smallest) smallest = distance, nearest = candidate;
  }
  return nearest;
}

}  // namespace tandem
