// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include <fmt/ranges.h>

namespace tandem::checkpoint {

/// Writes numbers as a text that ranks may exchange.
template <class Numbers>
std::string text_of_numbers(const Numbers& numbers) {
  return fmt::format("{}", fmt::join(numbers, " "));
}

/// Returns the numbers of such a text.
template <class Number>
std::vector<Number> numbers_of(const std::string& text) {
  std::istringstream words(text);
  std::vector<Number> numbers;
  for (Number number; words >> number;) numbers.push_back(number);
  return numbers;
}

}  // namespace tandem::checkpoint
