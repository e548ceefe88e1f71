// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "tandem/base/error.h"
#include "tandem/launch/environment.h"
#include "tandem/launch/number.h"

namespace tandem::launch {

/// What a number may be, both ends included.
struct Range {
  int64_t low = 0;
  int64_t high = 1'000'000;  ///< more ranks than anybody has
};

/// Typed access to variables; every complaint is an InputError that names the variable.
class VariableReader {
 public:
  explicit VariableReader(const Variables& variables) : variables_(variables) {}

  bool has(const std::string& name) const { return variables_.contains(name); }

  /// Returns a value that is set and not empty.
  std::string text(const std::string& name) const {
    const auto found = variables_.find(name);
    if (found == variables_.end()) throw InputError("{} is not set", name);
    if (found->second.empty()) throw InputError("{} is empty; set it or unset it", name);
    return found->second;
  }

  int64_t number(const std::string& name, Range range) const {
    const auto value = parse_number(text(name));
    if (!value || *value < range.low || *value > range.high)
      throw InputError("{}={} is not a number from {} to {}", name, text(name), range.low, range.high);
    return *value;
  }

  /// Returns a number from 1 on.
  int count(const std::string& name) const { return static_cast<int>(number(name, {.low = 1})); }
  /// Returns a number from 0 on.
  int index(const std::string& name) const { return static_cast<int>(number(name, {.low = 0})); }
  /// Returns MASTER_PORT.
  uint16_t port() const { return static_cast<uint16_t>(number("MASTER_PORT", {.low = 1, .high = 65535})); }

 private:
  const Variables& variables_;
};

}  // namespace tandem::launch
