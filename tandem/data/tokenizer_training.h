// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tandem::data {

/// The most ids that a model takes (model.vocabulary).
constexpr int64_t kLargestVocabulary = 1 << 24;

/// How far a pass over the lines of the inputs is.
struct LinesRead {
  enum class Pass { kCount, kSample } pass = Pass::kCount;
  uint64_t done = 0;
  uint64_t total = 0;  ///< 0 while it is not known
};

/// What a tokenizer is trained on.
struct TokenizerTraining {
  std::vector<std::string> inputs;        ///< .txt or .jsonl files (see DocumentReader)
  int64_t vocabulary = 0;                 ///< all ids: 3 control pieces, 256 bytes, text pieces, sentinels
  std::optional<int64_t> sentinels = {};  ///< default: min(512, vocabulary / 16)
  uint64_t sampled_lines = 10'000'000;    ///< of longer texts, this many lines are taken, by hash
  /// Called now and then, and at the end of each pass, from the calling thread. SentencePiece's own training,
  /// after the second pass, reports nothing.
  std::function<void(const LinesRead&)> progress = {};
};

/// A tokenizer that was trained.
struct TrainedTokenizer {
  std::string model;  ///< the bytes of the .model file
  int64_t sentinels = 0;
  int64_t characters = 0;         ///< characters that have a piece of their own
  double character_coverage = 0;  ///< their share of the text
  int64_t unused = 0;             ///< ids that no text gives, where the text held too few different pieces
  uint64_t lines = 0;
  uint64_t text_bytes = 0;
};

/// Trains SentencePiece BPE with bytes for what has no piece. Ids: pad 0, eos 1, unk 2, then bytes and text
/// pieces; sentinels <extra_id_K> are the highest, K = 0 the last. Text is taken as it is (no normalisation,
/// spaces kept, no prefix, digits apart). The characters with a piece are the most frequent ones, as few as
/// cover 0.9995 of the text, at most three quarters of the ids left beside control pieces, bytes and
/// sentinels. The same inputs give the same bytes. Throws InputError for bad inputs, no text, or a vocabulary
/// that is too small (naming the smallest) or above kLargestVocabulary.
TrainedTokenizer train_tokenizer(const TokenizerTraining& training);

}  // namespace tandem::data
