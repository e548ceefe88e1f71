// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::tasks {

/// A place in a text.
struct Span {
  int64_t at = 0;      ///< characters (code points) before it
  std::string text;    ///< what stands there
  std::string before;  ///< to be written before it
  std::string behind;  ///< to be written behind it
};

/// Tells whether the span's text stands where the span says.
bool holds(std::string_view text, const Span& span);

/// Returns the text with the marks of all spans around them. Each must be held, and no two may overlap
/// (BugError).
std::string with_marks(std::string text, std::vector<Span> spans);

/// Tells whether two spans share a character.
bool overlap(const Span& a, const Span& b);

}  // namespace tandem::tasks
