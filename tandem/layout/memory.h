// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "tandem/layout/tensor_spec.h"

namespace tandem::layout {

/// What decides how much of the model one rank keeps.
struct MemoryRules {
  int stage = 0;
  int tensor_ranks = 1;
  int64_t compute_bytes = 4;       ///< of one value
  int64_t accumulation_bytes = 4;  ///< of one gradient, master weight or moment
  /// Ranks that the optimizer state is split over: the data ranks, or 1 where every data rank keeps all of
  /// it.
  int optimizer_ranks = 1;
};

/// Bytes that one rank keeps from step to step.
struct MemoryBytes {
  int64_t values = 0;
  int64_t gradients = 0;
  int64_t optimizer = 0;  ///< two moments; where values are of a coarser type, also their master weights

  int64_t sum() const { return values + gradients + optimizer; }
};

/// Computes from the model's table what a rank keeps, before any memory is taken. Left out: the padding of
/// buckets (less than 16 elements a tensor, and a data rank), activations and communication buffers.
MemoryBytes rank_bytes(const std::vector<TensorSpec>& specs, const MemoryRules& rules);

}  // namespace tandem::layout
