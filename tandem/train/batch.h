// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "tandem/data/sample.h"
#include "tandem/data/special_ids.h"
#include "tandem/model/encoder_decoder.h"

namespace tandem::train {

/// Makes a micro-batch of samples, padded to the longest source and the longest target. `first_row` is the
/// first sample's number in the global batch; the others follow it. The decoder starts with pad. A sample
/// without target still decodes one position, which has no label.
model::Batch make_batch(const std::vector<data::Sample>& samples, int64_t first_row,
                        const data::SpecialIds& ids);

}  // namespace tandem::train
