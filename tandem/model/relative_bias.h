// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "tandem/model/model_config.h"
#include "tandem/model/parameter.h"

namespace tandem::model {

/// Which positions a stack's queries look at: both sides (encoder) or only back (decoder).
enum class Direction { kBoth, kBack };

/// The queries and keys of a bias: query t stands at position first_query + t, key s at s.
struct BiasExtent {
  int64_t num_queries = 0;
  int64_t num_keys = 0;
  int64_t first_query = 0;
};

/// Returns T5's bucket of a distance (key position - query position): half of the buckets for near distances
/// one by one, the rest logarithmically up to config.relative_distance; with kBoth half of them for each
/// side. (Raffel et al., JMLR 21, section 2.1; HF's T5Attention.)
int64_t relative_bucket(int64_t distance, Direction direction, const ModelConfig& config);

/// Returns the bias [H, T, S] of this rank's heads in the accumulation type, from the table [buckets, H].
/// Backward adds to table.gradient. No communication.
at::Tensor relative_bias(Parameter& table, Direction direction, const BiasExtent& extent,
                         const ModelConfig& config);

}  // namespace tandem::model
