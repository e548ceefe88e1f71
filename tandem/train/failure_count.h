// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "tandem/checkpoint/failure.h"

namespace tandem::train {

/// Failures in a row of what is tried again and again. Once they are too many, that stays.
class FailureCount {
 public:
  explicit FailureCount(int64_t too_many) : too_many_(too_many) {}

  void note(const std::optional<checkpoint::Failure>& failure);
  int64_t in_a_row() const { return in_a_row_; }
  bool are_too_many() const { return in_a_row_ >= too_many_; }
  /// Throws the last failure; `what` failed, for the message where there are several.
  [[noreturn]] void raise(std::string_view what) const;

 private:
  int64_t too_many_;
  int64_t in_a_row_ = 0;
  std::optional<checkpoint::Failure> last_;
};

}  // namespace tandem::train
