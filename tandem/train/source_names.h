// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tandem/data/data_config.h"

namespace tandem::train {

/// The names that figures of a run's sources go by.
struct SourceNames {
  std::vector<std::string> names;  ///< each once, as data.train and then data.validation first give them
  std::vector<size_t> train;       ///< the place in `names` of each source of data.train
  std::vector<size_t> validation;  ///< and of data.validation

  /// Says whether there is anything to tell apart: among what is trained on, or among what is held out.
  bool several() const;
};

/// Returns the names of a run's sources, which may share them.
SourceNames source_names(const data::DataConfig& data);

}  // namespace tandem::train
