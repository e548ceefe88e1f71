// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "tandem/data/dataset.h"
#include "tandem/train/run_config.h"

namespace tandem::train {

/// A run's open data.
struct RunData {
  data::Dataset train;
  std::optional<data::Dataset> validation;
};

/// Opens data.train and, where there is any, data.validation. Throws InputError as data::Dataset::open, and
/// where the two are encoded with different tokenizers.
RunData open_run_data(const RunConfig& config);

}  // namespace tandem::train
