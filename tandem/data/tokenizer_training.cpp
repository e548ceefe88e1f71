// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/tokenizer_training.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>
#include <xxhash.h>

#include "tandem/base/error.h"
#include "tandem/data/character_coverage.h"
#include "tandem/data/model_patch.h"
#include "tandem/data/text_lines.h"

namespace tandem::data {
namespace {

constexpr int64_t kControlPieces = 3;
constexpr int64_t kBytePieces = 256;
constexpr double kCoverage = 0.9995;
// SentencePiece's BPE trainer counts places in a part with 16 bits and aborts beyond.
constexpr size_t kLongestPartBytes = 16384;

int64_t sentinels_for(const TokenizerTraining& training, int64_t vocabulary) {
  return training.sentinels.value_or(std::min<int64_t>(512, vocabulary / 16));
}

// Ids left for text.
int64_t room_for_text(const TokenizerTraining& training, int64_t vocabulary) {
  return vocabulary - kControlPieces - kBytePieces - sentinels_for(training, vocabulary);
}

void check_size(const TokenizerTraining& training) {
  const int64_t sentinels = training.sentinels.value_or(0);
  if (sentinels < 0 || sentinels > kLargestVocabulary)
    throw InputError("--sentinels {} is not in 0 to {}", sentinels, kLargestVocabulary);
  if (training.vocabulary > kLargestVocabulary)
    throw InputError("--vocabulary {} is above {}", training.vocabulary, kLargestVocabulary);
  constexpr int64_t kSmallestRoom = 2;
  if (room_for_text(training, training.vocabulary) >= kSmallestRoom) return;
  const int64_t fixed = kControlPieces + kBytePieces + kSmallestRoom;
  // By default a sixteenth goes to sentinels: the smallest v with v - floor(v / 16) >= fixed.
  const int64_t smallest = training.sentinels ? fixed + sentinels : (fixed - 1) * 16 / 15 + 1;
  throw InputError(
      "--vocabulary {} does not hold {} control pieces, {} bytes, {} sentinels and some text; the smallest "
      "is {}",
      training.vocabulary, kControlPieces, kBytePieces, sentinels_for(training, training.vocabulary),
      smallest);
}

// One pass over all lines of the inputs; `read` says which.
template <class Use>
void for_each_line(const TokenizerTraining& training, LinesRead read, Use&& use) {
  constexpr uint64_t kReportEvery = 1000;
  const auto report = [&] {
    if (training.progress) training.progress(read);
  };
  const auto take = [&](std::string_view line) {
    use(line, read.done++);
    if (read.done % kReportEvery == 0) report();
  };
  for (const std::string& input : training.inputs) {
    DocumentReader reader(input);
    for (std::string text; reader.next(text);) {
      for (std::string_view rest = text; !rest.empty();) {
        const size_t end = std::min(rest.find('\n'), rest.size());
        if (end > 0) take(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
    }
  }
  if (read.done == 0 || read.done % kReportEvery != 0) report();
}

class Parts : public sentencepiece::SentenceIterator {
 public:
  explicit Parts(std::vector<std::string> parts) : parts_(std::move(parts)) {}
  bool done() const override { return next_ == parts_.size(); }
  void Next() override { ++next_; }
  const std::string& value() const override { return parts_[next_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  std::vector<std::string> parts_;
  size_t next_ = 0;
};

std::string train_pieces(std::vector<std::string> texts, int64_t pieces) {
  const std::unordered_map<std::string, std::string> settings = {
      {"model_type", "bpe"},
      {"vocab_size", std::to_string(pieces)},
      {"hard_vocab_limit", "false"},
      {"normalization_rule_name", "identity"},
      {"remove_extra_whitespaces", "false"},
      {"add_dummy_prefix", "false"},
      {"byte_fallback", "true"},
      {"split_digits", "true"},
      {"character_coverage", "1.0"},
      {"max_sentence_length", std::to_string(2 * kLongestPartBytes)},
      {"pad_id", "0"},
      {"eos_id", "1"},
      {"unk_id", "2"},
      {"bos_id", "-1"},
      // Recorded in the model: one number on every machine gives the same bytes.
      {"num_threads", "4"},
      {"minloglevel", "3"}};
  Parts parts(std::move(texts));
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(settings, &parts, &model);
  if (!status.ok()) throw InputError("SentencePiece could not train on this text: {}", status.ToString());
  return model;
}

int64_t piece_count(const std::string& model) {
  sentencepiece::SentencePieceProcessor processor;
  const auto status = processor.LoadFromSerializedProto(model);
  TANDEM_CHECK(status.ok(), "{}", status.ToString());
  return processor.GetPieceSize();
}

std::vector<std::string> sampled_parts(const TokenizerTraining& training, uint64_t lines,
                                       const std::unordered_set<char32_t>& covered) {
  const double kept = static_cast<double>(training.sampled_lines) / static_cast<double>(lines);
  std::vector<std::string> parts;
  const LinesRead begin{.pass = LinesRead::Pass::kSample, .total = lines};
  for_each_line(training, begin, [&](std::string_view line, uint64_t number) {
    const uint64_t hash = XXH3_64bits_withSeed(line.data(), line.size(), number);
    if (static_cast<double>(hash >> 11) * 0x1p-53 >= kept) return;
    for (std::string& part : covered_parts(line, covered, kLongestPartBytes))
      parts.push_back(std::move(part));
  });
  return parts;
}

// Fills up to the vocabulary: unused pieces, if any, then sentinels in ascending order of ids.
void complete(TrainedTokenizer& trained, int64_t vocabulary) {
  trained.unused = vocabulary - trained.sentinels - piece_count(trained.model);
  for (int64_t i = 0; i < trained.unused; ++i)
    append_piece(trained.model, fmt::format("<unused_{}>", i), PieceType::kUnused);
  for (int64_t k = trained.sentinels - 1; k >= 0; --k)
    append_piece(trained.model, fmt::format("<extra_id_{}>", k), PieceType::kControl);
  replace_figures(trained.model,
                  {.vocabulary = vocabulary, .character_coverage = trained.character_coverage});
}

}  // namespace

TrainedTokenizer train_tokenizer(const TokenizerTraining& training) {
  check_size(training);
  TrainedTokenizer trained;
  trained.sentinels = sentinels_for(training, training.vocabulary);
  CharacterCounts counts;
  for_each_line(training, {.pass = LinesRead::Pass::kCount}, [&](std::string_view line, uint64_t) {
    counts.add(line);
    ++trained.lines;
    trained.text_bytes += line.size();
  });
  const auto covered = counts.cover(kCoverage, room_for_text(training, training.vocabulary) * 3 / 4);
  if (covered.characters.empty()) throw InputError("the input holds no text; name files with documents");
  trained.characters = static_cast<int64_t>(covered.characters.size());
  trained.character_coverage = covered.share;
  trained.model = train_pieces(sampled_parts(training, trained.lines, covered.characters),
                               training.vocabulary - trained.sentinels);
  complete(trained, training.vocabulary);
  return trained;
}

}  // namespace tandem::data
