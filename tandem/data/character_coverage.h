// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace tandem::data {

/// Counts the characters of UTF-8 text, to decide which get a piece of their own.
class CharacterCounts {
 public:
  void add(std::string_view text);
  uint64_t total() const { return total_; }

  /// The most frequent characters, of equally frequent ones the lower code points.
  struct Covered {
    std::unordered_set<char32_t> characters;
    double share = 0;  ///< of all characters counted
  };
  /// Returns as few characters as cover `share` of the text, at most `limit`.
  Covered cover(double share, int64_t limit) const;

 private:
  std::unordered_map<char32_t, uint64_t> counts_;
  uint64_t total_ = 0;
};

/// Cuts text at the characters that are not covered and leaves them out; parts longer than `longest_bytes`
/// are cut again, between characters.
std::vector<std::string> covered_parts(std::string_view text, const std::unordered_set<char32_t>& covered,
                                       size_t longest_bytes);

}  // namespace tandem::data
