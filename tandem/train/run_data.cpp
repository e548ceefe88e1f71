// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/run_data.h"

#include <utility>

#include "tandem/base/error.h"

namespace tandem::train {

namespace {

bool know_different_tokenizers(const data::Tokenization& left, const data::Tokenization& right) {
  return left.ids != right.ids || (!left.tokenizer_hash.empty() && !right.tokenizer_hash.empty() &&
                                   left.tokenizer_hash != right.tokenizer_hash);
}

}  // namespace

RunData open_run_data(const RunConfig& config) {
  data::DatasetOptions options{.sources = config.data.train,
                               .data = config.data,
                               .objective = config.objective,
                               .vocabulary = config.model.vocabulary,
                               .seed = static_cast<uint64_t>(config.train.seed)};
  RunData data{.train = data::Dataset::open(options), .validation = {}};
  if (config.data.validation.empty()) return data;
  options.sources = config.data.validation;
  options.beside = data.train.tokenization();
  data.validation = data::Dataset::open(options);
  if (know_different_tokenizers(data.train.tokenization(), data.validation->tokenization()))
    throw InputError(
        "data.validation is encoded with another tokenizer than data.train ({} and {}); encode both with one",
        config.data.validation.front().path, config.data.train.front().path);
  return data;
}

}  // namespace tandem::train
