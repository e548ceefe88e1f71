// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tandem/base/field.h"
#include "tandem/data/data_config.h"
#include "tandem/data/sample.h"
#include "tandem/data/special_ids.h"
#include "tandem/data/tokenization.h"

namespace tandem::data {

/// What a dataset is opened with.
struct DatasetOptions {
  Sources sources;  ///< DataConfig's train or validation
  DataConfig data;  ///< lengths, tokenizer, ids of foreign data
  ObjectiveConfig objective;
  int64_t vocabulary = 0;  ///< the model's
  uint64_t seed = 0;
  /// How the data beside these were tokenised, which holds of given pairs where `sources` has no encoded data
  /// itself.
  std::optional<Tokenization> beside = {};
};

/// Training or held-out samples: a pure function of options and row number, the same for any number of ranks,
/// threads and restarts. A data rank asks for its own rows; nothing is communicated and no position is kept.
/// Immutable; thread-safe; cheap to copy.
class Dataset {
 public:
  /// Opens and checks all sources before anything starts: files, special ids, sentinels, lengths, token ids
  /// (all of them up to 1 GiB of tokens a source or where PREFIX.json is absent; beyond, by what PREFIX.json
  /// says and as rows are read). Encoded data must agree in how they were tokenised; pairs follow them.
  /// Throws InputError naming file and fault.
  static Dataset open(const DatasetOptions& options);

  /// Returns a row of the endless training stream: step * global_batch + row within the step. Its id is
  /// `global_row`.
  Sample row(uint64_t global_row) const;

  /// Returns how many of the rows before `global_row` are of each source, in order.
  std::vector<int64_t> rows_before(uint64_t global_row) const;

  /// Returns the number of samples in one pass over all sources.
  uint64_t size() const;
  /// Returns how many of them each source has, in order.
  std::vector<int64_t> sizes() const;
  /// Returns a sample of one pass in file order, index < size(), with a mask, or one of several targets, that
  /// never changes: what evaluation reads. Its id is `index`.
  Sample fixed(uint64_t index) const;

  /// Returns how the data were tokenised, which the manifest records. Its file is data.tokenizer, or
  /// PREFIX.tokenizer.model of the first source that has one.
  const Tokenization& tokenization() const;
  const SpecialIds& ids() const { return tokenization().ids; }
  const std::optional<std::string>& tokenizer_path() const { return tokenization().tokenizer_path; }
  const std::string& tokenizer_hash() const { return tokenization().tokenizer_hash; }

 private:
  struct State;
  explicit Dataset(std::shared_ptr<const State> state) : state_(std::move(state)) {}

  std::shared_ptr<const State> state_;
};

}  // namespace tandem::data
