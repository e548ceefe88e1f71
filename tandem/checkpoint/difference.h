// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tandem/checkpoint/byte_progress.h"
#include "tandem/checkpoint/reader.h"

namespace tandem::checkpoint {

/// How one role of a tensor differs between two steps.
struct RoleDifference {
  Role role = Role::kParameter;
  /// Largest absolute difference of two elements; infinite where one is not a number and the other is.
  double max_abs_difference = 0;
  int64_t elements = 0;  ///< that differ
};

/// How a tensor differs between two steps.
struct TensorDifference {
  std::string name;
  std::string problem;  ///< why it cannot be compared: only one step has it, or the shapes differ; else empty
  std::vector<RoleDifference> roles;  ///< those that both steps have

  bool is_equal() const;
  double max_abs_difference() const;
};

/// How two steps differ.
struct Difference {
  std::vector<TensorDifference> tensors;  ///< all, those of `a` in its order, then those that only `b` has
  std::vector<std::string> roles_of_one;  ///< roles that only one step has

  bool is_equal() const;
};

/// Compares the values of two steps of any layouts and types, on `threads` threads, with a few MiB of memory
/// a thread. Two NaNs are equal, so are 0 and -0. Errors as StepReader::read.
Difference compare(const StepReader& a, const StepReader& b, int threads, const ByteProgress& progress = {});

}  // namespace tandem::checkpoint
