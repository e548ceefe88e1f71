// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include <ATen/core/Tensor.h>

#include "tandem/comm/group.h"
#include "tandem/model/attention_core.h"
#include "tandem/model/dropout.h"
#include "tandem/model/model_config.h"

namespace tandem::model {

/// Where a forward's dropout draws from. With probability 0 nothing is dropped.
struct DropoutSource {
  double probability = 0;
  uint64_t seed = 0;
  uint64_t step = 0;
  at::Tensor rows;  ///< [B] int64, CPU: number of each sample in the global batch

  /// Returns the place named `name` of a tensor whose last dim is full_width wide over all tensor ranks.
  DropoutPlace at(const std::string& name, int64_t full_width, int64_t column_offset = 0) const {
    return {.probability = probability,
            .random = CounterRandom(seed, "dropout", step, std::string_view(name)),
            .rows = rows,
            .full_width = full_width,
            .column_offset = column_offset};
  }
};

/// What the layers of one stack share during one forward.
struct LayerContext {
  const ModelConfig* config = nullptr;
  const comm::Group* tensor = nullptr;
  DropoutSource dropout;
  Visibility self;       ///< of the stack's own positions
  Visibility cross;      ///< of the memory's; decoder only
  at::Tensor positions;  ///< of the queries and of the keys made with them, as `rotate` takes them
  at::Tensor bias;       ///< relative_bias, or of trees, as `attention` takes it; else undefined
};

/// Keys and values of one attention that later queries read again: [B, capacity, H, E], the first `length` in
/// use.
struct KeyValueCache {
  at::Tensor key;
  at::Tensor value;
  int64_t length = 0;
};

}  // namespace tandem::model
