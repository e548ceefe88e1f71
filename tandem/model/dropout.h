// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "tandem/base/random.h"

namespace tandem::model {

/// Which random numbers a dropout draws: a function of seed, step, place, sample and element alone, so that
/// every layout drops the same elements. Element (b, t, c) of a [B, T, C] tensor is dropped if word (t *
/// full_width + column_offset + c) of the stream random.split(rows[b]) is below probability * 2^32; word i is
/// words(i / 4)[i % 4].
struct DropoutPlace {
  double probability = 0;     ///< 0 drops nothing
  CounterRandom random{0};    ///< of seed, step and place in the model
  at::Tensor rows;            ///< [B] int64, CPU: number of each sample in the global batch
  int64_t full_width = 0;     ///< C of the whole tensor, all tensor ranks
  int64_t column_offset = 0;  ///< of this rank's columns in it
};

/// Returns x with dropped elements 0 and the others divided by 1 - probability: [B, T, C] -> same.
at::Tensor dropout(const at::Tensor& x_BTC, const DropoutPlace& place);

/// Returns residual + dropout(x), in one pass. Gradients flow to both.
at::Tensor add_dropped(const at::Tensor& residual_BTC, const at::Tensor& x_BTC, const DropoutPlace& place);

}  // namespace tandem::model
