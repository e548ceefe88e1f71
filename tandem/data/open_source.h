// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "tandem/data/dataset.h"
#include "tandem/data/masking.h"
#include "tandem/data/sample_source.h"
#include "tandem/data/tokenization.h"

namespace tandem::data {

/// Encoded data that were opened and checked, and how they were tokenised.
struct EncodedSource {
  std::unique_ptr<SampleSource> samples;
  Tokenization tokenization;
};

/// Says whether a source holds given pairs: all do with seq2seq, else those whose name ends with .jsonl.
bool holds_pairs(const std::string& path, const ObjectiveConfig& objective);

/// Opens encoded data of options.sources to be masked. Throws as Dataset::open does.
EncodedSource open_encoded(const std::string& path, const DatasetOptions& options);

/// Opens given pairs of options.sources; texts are tokenised as `tokenization` says. Throws as Dataset::open
/// does.
std::unique_ptr<SampleSource> open_pairs(const std::string& path, const Tokenization& tokenization,
                                         const DatasetOptions& options);

/// Returns what holds of pairs without encoded data beside them: what the configuration says. Throws as
/// Dataset::open does.
Tokenization configured_tokenization(const DatasetOptions& options);

/// Returns how the objective masks; it must not be seq2seq.
MaskingOptions masking_options(const ObjectiveConfig& objective);

}  // namespace tandem::data
