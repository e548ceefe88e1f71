// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/open_source.h"

#include <filesystem>
#include <utility>

#include "tandem/base/error.h"
#include "tandem/data/index_metadata.h"
#include "tandem/data/masked_source.h"
#include "tandem/data/pair_source.h"
#include "tandem/data/tokenizer.h"

namespace tandem::data {
namespace {

constexpr int64_t kScannedBytes = int64_t{1} << 30;

std::optional<Tokenizer> configured_tokenizer(const DataConfig& data) {
  if (!data.tokenizer) return std::nullopt;
  return Tokenizer::load(*data.tokenizer);
}

void overwrite(int32_t& id, const std::optional<int64_t>& configured) {
  if (configured) id = static_cast<int32_t>(*configured);
}

// Applies what the configuration says and checks that the model's table has a row for each.
void settle(SpecialIds& ids, const DatasetOptions& options) {
  overwrite(ids.pad, options.data.pad);
  overwrite(ids.eos, options.data.eos);
  overwrite(ids.first_sentinel, options.data.first_sentinel);
  overwrite(ids.sentinel_count, options.data.sentinel_count);
  if (ids.vocabulary > options.vocabulary)
    throw InputError(
        "model.vocabulary is {}, but the data's tokenizer has {} ids; set model.vocabulary to {}",
        options.vocabulary, ids.vocabulary, ids.vocabulary);
  ids.vocabulary = static_cast<int32_t>(options.vocabulary);
  for (const auto& [name, id] :
       {std::pair{"pad", ids.pad}, {"eos", ids.eos}, {"first_sentinel", ids.first_sentinel}})
    if (id >= ids.vocabulary)
      throw InputError("data.{} is {}, outside the vocabulary of {}", name, id, ids.vocabulary);
  if (ids.sentinel_count > ids.first_sentinel + 1)
    throw InputError("data.sentinel_count is {}, but sentinels descend from data.first_sentinel {}",
                     ids.sentinel_count, ids.first_sentinel);
  if (ids.pad == ids.eos)
    throw InputError("data.pad and data.eos are both {}; the model must tell the end from padding", ids.pad);
  for (const auto& [name, id] : {std::pair{"pad", ids.pad}, {"eos", ids.eos}})
    if (ids.is_sentinel(id)) throw InputError("data.{} is {}, one of the sentinels", name, id);
}

void check_metadata(const TokenIndex& index, const IndexMetadata& metadata) {
  if (metadata.documents != index.documents() || metadata.tokens != index.tokens())
    throw InputError(
        "{0}.json counts {1} documents and {2} tokens, {0}.idx {3} and {4}: they do not belong together; "
        "encode again",
        index.prefix(), metadata.documents, metadata.tokens, index.documents(), index.tokens());
}

void check_ids(const TokenIndex& index, const std::optional<IndexMetadata>& metadata, int64_t vocabulary) {
  if (metadata && metadata->largest_id >= vocabulary)
    throw InputError(
        "{}.bin holds token id {}, outside the vocabulary of {}; set model.vocabulary to the tokenizer's",
        index.prefix(), metadata->largest_id, vocabulary);
  if (metadata && static_cast<int64_t>(index.tokens()) * token_bytes(index.type()) > kScannedBytes) return;
  if (const auto outside = index.find_outside(vocabulary))
    throw InputError("{}.bin: document {} holds token id {}, outside the vocabulary of {}", index.prefix(),
                     outside->document, outside->id, vocabulary);
}

// Tells how the index was tokenised; both descriptions must agree where there are two.
Tokenization tokenization_of(const TokenIndex& index, const std::optional<IndexMetadata>& metadata,
                             const DatasetOptions& options) {
  Tokenization result{.ids = {}, .tokenizer_hash = {}, .tokenizer_path = options.data.tokenizer};
  auto tokenizer = configured_tokenizer(options.data);
  const std::string beside = index.prefix() + ".tokenizer.model";
  if (!tokenizer && std::filesystem::exists(beside)) {
    tokenizer = Tokenizer::load(beside);
    result.tokenizer_path = beside;
  }
  if (metadata && tokenizer && metadata->tokenizer_hash != tokenizer->hash())
    throw InputError("{} was encoded with another tokenizer than {}; encode it again or name the right one",
                     index.prefix(), *result.tokenizer_path);
  if (!metadata && !tokenizer &&
      (!options.data.eos || !options.data.first_sentinel || !options.data.sentinel_count))
    throw InputError(
        "{0} has no {0}.json, so its eos and sentinels are not known; set data.tokenizer, or data.eos, "
        "data.first_sentinel and data.sentinel_count",
        index.prefix());
  if (metadata) result.ids = metadata->ids;
  if (!metadata && tokenizer) result.ids = tokenizer->ids();
  if (metadata) result.tokenizer_hash = metadata->tokenizer_hash;
  if (!metadata && tokenizer) result.tokenizer_hash = tokenizer->hash();
  settle(result.ids, options);
  return result;
}

SampleLengths lengths_of(const DatasetOptions& options) {
  return {.source = options.data.source_length, .target = options.data.target_length};
}

}  // namespace

MaskingOptions masking_options(const ObjectiveConfig& objective) {
  TANDEM_CHECK(objective.kind != ObjectiveKind::kSeq2seq, "given pairs are not masked");
  return {.kind = objective.kind == ObjectiveKind::kMlm ? MaskKind::kMlm : MaskKind::kSpan,
          .mask_fraction = objective.mask_fraction,
          .mean_span_length = objective.mean_span_length};
}

bool holds_pairs(const std::string& path, const ObjectiveConfig& objective) {
  return objective.kind == ObjectiveKind::kSeq2seq || path.ends_with(".jsonl");
}

EncodedSource open_encoded(const std::string& path, const DatasetOptions& options) {
  const TokenIndex index = TokenIndex::open(path);
  const auto metadata = read_metadata(index.prefix());
  if (metadata) check_metadata(index, *metadata);
  EncodedSource source{.samples = {}, .tokenization = tokenization_of(index, metadata, options)};
  const SpecialIds& ids = source.tokenization.ids;
  check_ids(index, metadata, options.vocabulary);
  const Masker masker(masking_options(options.objective), ids, lengths_of(options));
  Pieces pieces(index, {.raw_length = masker.raw_length(),
                        .eos = ids.eos,
                        .ends_with_eos = metadata && metadata->ends_with_eos});
  if (pieces.size() == 0)
    throw InputError("{} holds no document of two tokens or more; there is nothing to mask", index.prefix());
  source.samples = std::make_unique<MaskedSource>(std::move(pieces), masker);
  return source;
}

std::unique_ptr<SampleSource> open_pairs(const std::string& path, const Tokenization& tokenization,
                                         const DatasetOptions& options) {
  std::optional<Tokenizer> tokenizer;
  if (tokenization.tokenizer_path)
    tokenizer = Tokenizer::load(*tokenization.tokenizer_path).with_ids(tokenization.ids);
  return std::make_unique<PairSource>(
      path, tokenizer ? &*tokenizer : nullptr,
      PairLimits{.lengths = lengths_of(options), .vocabulary = options.vocabulary});
}

Tokenization configured_tokenization(const DatasetOptions& options) {
  Tokenization tokenization;
  if (const auto tokenizer = configured_tokenizer(options.data))
    tokenization = {.ids = tokenizer->ids(),
                    .tokenizer_hash = tokenizer->hash(),
                    .tokenizer_path = options.data.tokenizer};
  settle(tokenization.ids, options);
  return tokenization;
}

}  // namespace tandem::data
