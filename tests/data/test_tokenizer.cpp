// SPDX-License-Identifier: Apache-2.0
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "invented_text.h"
#include "tandem/base/error.h"
#include "tandem/data/tokenizer.h"
#include "tandem/data/tokenizer_training.h"

namespace tandem::data {
namespace {

using testing::HasSubstr;

TrainedTokenizer train(const std::string& text, int64_t vocabulary, std::optional<int64_t> sentinels = {}) {
  const ScratchFolder folder;
  return train_tokenizer(
      {.inputs = {folder.write("text.txt", text)}, .vocabulary = vocabulary, .sentinels = sentinels});
}

const Tokenizer& invented_tokenizer() {
  static const Tokenizer tokenizer = Tokenizer::from_model(train(invented_text(400), 512).model, "invented");
  return tokenizer;
}

TEST(TokenizerTraining, VocabularyIsExactAndSaysWhereThingsAre) {
  const SpecialIds& ids = invented_tokenizer().ids();
  EXPECT_EQ(ids.vocabulary, 512);
  EXPECT_EQ(ids.pad, 0);
  EXPECT_EQ(ids.eos, 1);
  EXPECT_EQ(ids.unk, 2);
  EXPECT_EQ(ids.first_sentinel, 511);
  EXPECT_EQ(ids.sentinel_count, 32);
}

TEST(TokenizerTraining, SentinelsAreAsManyAsAskedFor) {
  const auto ids = Tokenizer::from_model(train(invented_text(400), 500, 7).model, "x").ids();
  EXPECT_EQ(ids.vocabulary, 500);
  EXPECT_EQ(ids.first_sentinel, 499);
  EXPECT_EQ(ids.sentinel_count, 7);
  const auto none = Tokenizer::from_model(train(invented_text(400), 500, 0).model, "x").ids();
  EXPECT_EQ(none.first_sentinel, -1);
  EXPECT_EQ(none.sentinel_count, 0);
}

TEST(TokenizerTraining, SameTextGivesTheSameBytes) {
  EXPECT_EQ(train(invented_text(200), 450).model, train(invented_text(200), 450).model);
}

TEST(TokenizerTraining, CoverageFillsAtMostThreeQuartersOfWhatIsLeft) {
  // 400 different characters, each k-th one 400 - k times; 60 pieces are left beside control ids, bytes,
  // sentinels.
  std::string text;
  for (int k = 0; k < 400; ++k)
    for (int i = k; i < 400; ++i) {
      const int code = 0x4E00 + k;
      text += {static_cast<char>(0xE0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 63)),
               static_cast<char>(0x80 | (code & 63))};
      text += '\n';
    }
  const TrainedTokenizer trained = train(text, 259 + 10 + 60, 10);
  EXPECT_EQ(trained.characters, 45);
  int64_t covered = 0;
  for (int k = 0; k < 45; ++k) covered += 400 - k;
  EXPECT_NEAR(trained.character_coverage, static_cast<double>(covered) / (400 * 401 / 2), 1e-12);
  const Tokenizer tokenizer = Tokenizer::from_model(trained.model, "x");
  EXPECT_EQ(tokenizer.encode("\u4E00").size(), 1u);
  EXPECT_EQ(tokenizer.encode("\u4E2C").size(), 1u);  // the 45th
  EXPECT_EQ(tokenizer.encode("\u4E2D").size(), 3u);  // the 46th: its bytes
  EXPECT_EQ(trained.unused, 15);                     // nothing to merge in lines of one character
}

TEST(TokenizerTraining, LargeVocabularyCoversAtMostItsShare) {
  std::string text = invented_text(2000) + "罕\n";
  const TrainedTokenizer trained = train(text, 1000);
  EXPECT_GE(trained.character_coverage, 0.9995);
  EXPECT_LT(trained.character_coverage, 1.0);
}

TEST(TokenizerTraining, TooFewPiecesInTheTextAreFilledWithUnusedOnes) {
  const TrainedTokenizer trained = train("一二三一二\n", 400);
  const Tokenizer tokenizer = Tokenizer::from_model(trained.model, "x");
  EXPECT_GT(trained.unused, 90);
  EXPECT_EQ(tokenizer.ids().vocabulary, 400);
  EXPECT_EQ(tokenizer.ids().first_sentinel, 399);
  for (const int32_t id : tokenizer.encode("一二三四<unused_0>")) EXPECT_LT(id, 400 - 25 - trained.unused);
}

TEST(TokenizerTraining, TooSmallAVocabularyNamesTheSmallest) {
  EXPECT_THAT(message_of<InputError>([] { train("一\n", 200, 16); }), HasSubstr("the smallest is 277"));
  EXPECT_NO_THROW(train("一\n", 277, 16));
  EXPECT_THROW(train("一\n", 276, 16), InputError);
  const std::string message = message_of<InputError>([] { train("一\n", 100); });
  EXPECT_THAT(message, HasSubstr("the smallest is 278"));
  EXPECT_NO_THROW(train("一\n", 278));
  EXPECT_THROW(train("一\n", 277), InputError);
}

TEST(TokenizerTraining, SizesOutsideEveryModelAreRefusedAtOnce) {
  EXPECT_THAT(message_of<InputError>([] { train("一\n", 500, 1'000'000'000'000); }),
              HasSubstr("--sentinels 1000000000000"));
  EXPECT_THAT(message_of<InputError>([] { train("一\n", 2'000'000'000); }),
              HasSubstr("--vocabulary 2000000000"));
  EXPECT_THAT(message_of<InputError>([] { train("一\n", -5); }), HasSubstr("the smallest is 278"));
  EXPECT_THAT(message_of<InputError>([] { train("一\n", 300, -1); }), HasSubstr("--sentinels -1"));
  EXPECT_THAT(message_of<InputError>([] { train("一\n", 300, 9'000); }), HasSubstr("the smallest is 9261"));
}

TEST(TokenizerTraining, TextsWithoutAnythingAreRefused) {
  EXPECT_THAT(message_of<InputError>([] { train("\n\n", 300); }), HasSubstr("no text"));
}

TEST(Tokenizer, EveryTextComesBack) {
  for (const std::string text :
       {"今天天气很好", " 两个  空格 ", "tab\there", "行一\n行二\n", "😀 emoji 和 罕见字 龘", "2024年12月",
        "，。！？“”", "<extra_id_0> </s> <pad> <unk>", "ＡＢＣ　全角", ""}) {
    const auto ids = invented_tokenizer().encode(text);
    EXPECT_EQ(invented_tokenizer().decode(ids), text);
    for (const int32_t id : ids) {
      EXPECT_GE(id, 3);
      EXPECT_FALSE(invented_tokenizer().ids().is_sentinel(id)) << text;
    }
  }
}

TEST(Tokenizer, WordsBecomeOnePieceWithoutADummyPrefix) {
  EXPECT_EQ(invented_tokenizer().encode("工程师").size(), 1u);
  EXPECT_EQ(invented_tokenizer().encode("2024").size(), 4u * invented_tokenizer().encode("2").size());
}

TEST(Tokenizer, MasksBecomeSentinelsInOrder) {
  const auto& tokenizer = invented_tokenizer();
  std::vector<int32_t> expected = tokenizer.encode("今天");
  expected.push_back(511);
  for (const int32_t id : tokenizer.encode("散步")) expected.push_back(id);
  expected.push_back(510);
  EXPECT_EQ(tokenizer.encode_with_masks("今天<mask>散步<mask>"), expected);
  EXPECT_EQ(tokenizer.encode_with_masks("今天"), tokenizer.encode("今天"));
  EXPECT_EQ(tokenizer.decode(expected), "今天<extra_id_0>散步<extra_id_1>");
  std::string many;
  for (int i = 0; i < 33; ++i) many += "<mask>";
  EXPECT_THAT(message_of<InputError>([&] { tokenizer.encode_with_masks(many); }),
              HasSubstr("more than 32 <mask>"));
}

TEST(Tokenizer, DecodingLeavesOutControlsAndMarksWhatItDoesNotKnow) {
  const auto& tokenizer = invented_tokenizer();
  std::vector<int32_t> ids = {0};
  for (const int32_t id : tokenizer.encode("春天")) ids.push_back(id);
  ids.insert(ids.end(), {1, 5000, -3});
  EXPECT_EQ(tokenizer.decode(ids), "春天\uFFFD\uFFFD");
}

TEST(Tokenizer, OtherIdsCanBeGiven) {
  SpecialIds ids = invented_tokenizer().ids();
  ids.first_sentinel = 600, ids.sentinel_count = 2, ids.vocabulary = 640;
  const Tokenizer tokenizer = invented_tokenizer().with_ids(ids);
  EXPECT_EQ(tokenizer.encode_with_masks("<mask><mask>"), (std::vector<int32_t>{600, 599}));
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{600}), "<extra_id_0>");
}

TEST(Tokenizer, HashIsThatOfTheModel) {
  const auto again = Tokenizer::from_model(invented_tokenizer().model(), "again");
  EXPECT_EQ(again.hash(), invented_tokenizer().hash());
  EXPECT_EQ(again.hash().size(), 32u);
  EXPECT_NE(Tokenizer::from_model(train(invented_text(100), 400).model, "x").hash(), again.hash());
}

TEST(Tokenizer, FilesThatAreNoModelAreRefused) {
  const ScratchFolder folder;
  for (const char* bytes : {"", "garbage", "\x0a\x05hello"}) {
    const auto path = folder.write("bad.model", bytes);
    EXPECT_THAT(message_of<InputError>([&] { Tokenizer::load(path); }),
                HasSubstr("bad.model is no SentencePiece"));
  }
  EXPECT_THAT(message_of<InputError>([&] { Tokenizer::load(folder / "none"); }), HasSubstr("does not exist"));
}

}  // namespace
}  // namespace tandem::data
