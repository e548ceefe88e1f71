// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "tandem/base/error.h"

namespace tandem::checkpoint {

/// A file or folder could not be looked at, for lack of permission, of descriptors, or since its disk or
/// network fails. What is in it may be whole: unlike other EnvironmentErrors of reading it is no sign of
/// damage.
class UnreadableError : public EnvironmentError {
 public:
  using EnvironmentError::EnvironmentError;
};

/// Why a rank could not do its part.
struct Failure {
  ErrorKind kind = ErrorKind::kBug;
  std::string message;
  bool may_be_whole = false;  ///< it was an UnreadableError or a comm::LostPeerError
  bool is_lost_peer = false;  ///< the latter: all that is left is to end

  /// Tells whether it says that what was read is damaged or missing.
  bool is_damage() const { return kind == ErrorKind::kEnvironment && !may_be_whole; }
  bool operator==(const Failure&) const = default;
};

/// Runs `action` and returns what it threw, or nothing.
std::optional<Failure> attempt(const std::function<void()>& action);

/// Runs `action` and returns the damage that it found, or nothing; what else it throws comes through.
std::optional<Failure> damage_found(const std::function<void()>& action);

/// Throws the error that a failure stands for.
[[noreturn]] void raise(const Failure& failure);

}  // namespace tandem::checkpoint
