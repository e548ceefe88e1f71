// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tandem/data/dataset.h"
#include "tandem/data/masking.h"
#include "tandem/data/sample_source.h"
#include "tandem/data/special_ids.h"

namespace tandem::data {

/// A source that was opened and checked.
struct OpenedSource {
  std::unique_ptr<SampleSource> samples;
  SpecialIds ids;
  std::string tokenizer_hash;                 ///< empty: unknown
  std::optional<std::string> tokenizer_path;  ///< an existing file
};

/// Opens one of options.sources. Throws as Dataset::open does.
OpenedSource open_source(const std::string& path, const DatasetOptions& options);

/// Returns how the objective masks; it must not be seq2seq.
MaskingOptions masking_options(const ObjectiveConfig& objective);

}  // namespace tandem::data
