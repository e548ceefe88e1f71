// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/data/special_ids.h"

namespace sentencepiece {
class SentencePieceProcessor;
}

namespace tandem::data {

/// What a masked place is written as in a text.
constexpr std::string_view kMaskText = "<mask>";

/// A SentencePiece model. Sentinels are its pieces <extra_id_K>, K = 0 highest and descending; they never
/// come out of a text, only out of `<mask>`. Immutable; thread-safe; cheap to copy.
class Tokenizer {
 public:
  /// Throws InputError if the file is missing or no SentencePiece model with pad and eos.
  static Tokenizer load(const std::string& path);
  /// Makes a tokenizer from the bytes of a model; `name` stands in messages.
  static Tokenizer from_model(std::string model, const std::string& name);
  /// Returns the same tokenizer with other special ids, as a checkpoint or a configuration gives them: a
  /// foreign model (T5's own) lacks sentinels.
  Tokenizer with_ids(const SpecialIds& ids) const;

  /// Returns the ids of a text, nothing appended.
  std::vector<int32_t> encode(std::string_view text) const;
  /// The same, each `<mask>` becoming the next sentinel; the text between is tokenised piece by piece. Throws
  /// InputError if there are more masks than sentinels.
  std::vector<int32_t> encode_with_masks(std::string_view text) const;
  /// Returns the text of ids: sentinels as <extra_id_K>, nothing for pad and eos, U+FFFD for bytes that are
  /// no UTF-8 and for ids without a piece.
  std::string decode(std::span<const int32_t> ids) const;

  const SpecialIds& ids() const { return ids_; }
  /// Returns the hash of the model's bytes (XXH3, 128 bits, as 32 hexadecimal digits).
  const std::string& hash() const { return hash_; }
  /// Returns the bytes of the model file.
  const std::string& model() const { return *model_; }

 private:
  Tokenizer() = default;

  std::shared_ptr<const sentencepiece::SentencePieceProcessor> processor_;
  std::shared_ptr<const std::string> model_;
  SpecialIds ids_;
  std::string hash_;
};

}  // namespace tandem::data
