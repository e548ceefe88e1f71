// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace tandem::model {

enum class Causality { kNone, kCausal };

/// What a query may see. Key s is visible to query t of row b if s < key_lengths[b] and, when causal, s <= t
/// + (S - T): the last query stands at the last key, which serves training (T = S) and decoding with a cache
/// (T < S) alike.
struct Visibility {
  at::Tensor key_lengths;  ///< [B] int64, CPU, each at least 1; undefined: all keys of all rows
  Causality causality = Causality::kNone;
};

/// Computes softmax(scale * q k^T + bias) v for each head: q [B, T, H, E], k and v [B, S, H, E] (may be
/// strided), bias [H, T, S], or without key lengths [B, H, T, S], or undefined, in the accumulation type
/// (fp32, or fp64) -> [B, T, H, E] contiguous. A bias of -infinity hides a key from a query, which must see
/// one at least. The gradient of a bias that rows share is summed over them in the accumulation type. Softmax
/// is in the accumulation type. No dropout on probabilities.
at::Tensor attention(const at::Tensor& q_BTHE, const at::Tensor& k_BSHE, const at::Tensor& v_BSHE,
                     double scale, const Visibility& visibility, const at::Tensor& bias = {});

}  // namespace tandem::model
