// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "tandem/base/error.h"

namespace tandem::checkpoint {

/// Why a rank could not do its part.
struct Failure {
  ErrorKind kind = ErrorKind::kBug;
  std::string message;
};

/// Runs `action` and returns what it threw, or nothing.
std::optional<Failure> attempt(const std::function<void()>& action);

/// Throws the error that a failure stands for.
[[noreturn]] void raise(const Failure& failure);

}  // namespace tandem::checkpoint
