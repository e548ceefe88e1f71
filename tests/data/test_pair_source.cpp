// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "invented_text.h"
#include "tandem/base/error.h"
#include "tandem/data/pair_source.h"
#include "tandem/data/tokenizer_training.h"

namespace tandem::data {
namespace {

using testing::HasSubstr;

constexpr PairLimits kLimits{.lengths = {.source = 12, .target = 6}, .vocabulary = 400};

const Tokenizer& tokenizer() {
  static const Tokenizer made = [] {
    const ScratchFolder folder;
    return Tokenizer::from_model(
        train_tokenizer({.inputs = {folder.write("t.txt", invented_text(200))}, .vocabulary = 400}).model,
        "t");
  }();
  return made;
}

TEST(PairSource, IdsAreUsedAsGivenAndTextsGetEos) {
  const ScratchFolder folder;
  const PairSource pairs(folder.write("p.jsonl",
                                      "{\"source\": [5, 6, 7], \"target\": []}\n"
                                      "{\"source\": \"今天<mask>。\", \"target\": \"<mask>学生\"}\n"),
                         &tokenizer(), kLimits);
  ASSERT_EQ(pairs.size(), 2u);
  const CounterRandom any(1);
  EXPECT_EQ(pairs.sample(0, any).source, (std::vector<int32_t>{5, 6, 7}));
  EXPECT_TRUE(pairs.sample(0, any).target.empty());
  std::vector<int32_t> source = tokenizer().encode_with_masks("今天<mask>。"),
                       target = tokenizer().encode("学生");
  source.push_back(1);
  target.insert(target.begin(), 399);
  target.push_back(1);
  EXPECT_EQ(pairs.sample(1, any).source, source);
  EXPECT_EQ(pairs.sample(1, any).target, target);
}

TEST(PairSource, FaultsNameFileAndLine) {
  const ScratchFolder folder;
  const auto refused = [&](std::string_view line, const Tokenizer* with = nullptr) {
    const auto path =
        folder.write("p.jsonl", std::string("{\"source\": [5], \"target\": [6]}\n") + std::string(line));
    return message_of<InputError>([&] { PairSource(path, with, kLimits); });
  };
  EXPECT_THAT(refused("{\"source\": \"a\", \"target\": [6]}"),
              HasSubstr("p.jsonl:2 holds text, which needs data.tokenizer"));
  EXPECT_THAT(refused("{\"source\": [], \"target\": [6]}"), HasSubstr("p.jsonl:2: the source is empty"));
  EXPECT_THAT(refused("{\"source\": [400], \"target\": [6]}"),
              HasSubstr("token id 400, outside the vocabulary of 400"));
  EXPECT_THAT(refused("{\"source\": [-1], \"target\": [6]}"), HasSubstr("no token id"));
  EXPECT_THAT(refused("{\"source\": [1.5], \"target\": [6]}"), HasSubstr("no token id"));
  EXPECT_THAT(refused("{\"source\": [5], \"target\": 6}"), HasSubstr("target must be a text or a list"));
  EXPECT_THAT(refused("{\"source\": [5]}"), HasSubstr("\"source\" and \"target\""));
  EXPECT_THAT(refused("[5]"), HasSubstr("\"source\" and \"target\""));
  EXPECT_THAT(refused("{"), HasSubstr("p.jsonl:2: not JSON"));
  EXPECT_THAT(refused("{\"source\": [5], \"target\": [1,2,3,4,5,6,7]}"),
              HasSubstr("the target has 7 tokens, but data.target_length is 6"));
  EXPECT_THAT(refused("{\"source\": \"龘龘龘龘龘\", \"target\": [1]}", &tokenizer()),
              HasSubstr("the source has"));
  const auto empty = folder.write("empty.jsonl", "\n");
  EXPECT_THAT(message_of<InputError>([&] { PairSource(empty, nullptr, kLimits); }), HasSubstr("is empty"));
}

}  // namespace
}  // namespace tandem::data
