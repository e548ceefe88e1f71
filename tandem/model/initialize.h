// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "tandem/layout/tensor_spec.h"

namespace tandem::model {

/// Returns the initial values of the part that tensor rank `rank` of `num_ranks` holds: local shape, fp32 or
/// fp64, CPU. Each value is a function of seed, tensor name and its place in the global tensor alone; padding
/// is 0. No communication.
at::Tensor initial_values(const layout::TensorSpec& spec, uint64_t seed, int rank, int num_ranks,
                          at::ScalarType type);

}  // namespace tandem::model
