// SPDX-License-Identifier: Apache-2.0
#include <map>
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

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
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
  EXPECT_THAT(refused("{\"source\": [5]}"), HasSubstr("\"source\" and either \"target\" or \"targets\""));
  EXPECT_THAT(refused("[5]"), HasSubstr("p.jsonl:2 is no object with \"source\""));
  EXPECT_THAT(refused("{\"text\": \"今天\"}"),
              HasSubstr("p.jsonl:2 is a document, no pair; encode the file"));
  EXPECT_THAT(refused("{"), HasSubstr("p.jsonl:2: not JSON"));
  EXPECT_THAT(refused("{\"source\": [5], \"target\": [1,2,3,4,5,6,7]}"),
              HasSubstr("the target has 7 tokens, but data.target_length is 6"));
  EXPECT_THAT(refused("{\"source\": \"龘龘龘龘龘\", \"target\": [1]}", &tokenizer()),
              HasSubstr("the source has"));
  EXPECT_THAT(refused("{\"source\": \"" + repeated("<mask>", 30) + "\", \"target\": [1]}", &tokenizer()),
              HasSubstr("p.jsonl:2: source: the text has more than"));
  const auto empty = folder.write("empty.jsonl", "\n");
  EXPECT_THAT(message_of<InputError>([&] { PairSource(empty, nullptr, kLimits); }), HasSubstr("is empty"));
}

// Draws an element's target for many epochs; returns how often each came.
std::map<std::vector<int32_t>, double> count_draws(const PairSource& pairs, uint64_t element, int draws) {
  std::map<std::vector<int32_t>, double> counts;
  for (int epoch = 0; epoch < draws; ++epoch)
    ++counts[pairs.sample(element, CounterRandom(3, "mask", 0, epoch, element)).target];
  return counts;
}

TEST(PairSource, DrawsOfSeveralTargetsFollowTheirWeights) {
  const ScratchFolder folder;
  const PairSource pairs(
      folder.write(
          "p.jsonl",
          R"({"source": [5], "targets": [{"target": [6, 1], "weight": 1}, {"target": [], "weight": 0.25},)"
          R"( {"target": [7, 1], "weight": 2}, {"target": "学生", "weight": 0.75}]})"
          "\n"),
      &tokenizer(), kLimits);
  std::vector<int32_t> text = tokenizer().encode("学生");
  text.push_back(1);
  const std::map<std::vector<int32_t>, double> shares = {
      {{6, 1}, 0.25}, {{}, 0.0625}, {{7, 1}, 0.5}, {text, 0.1875}};
  constexpr int kDraws = 40000;
  double chi_square = 0;
  const auto counts = count_draws(pairs, 0, kDraws);
  EXPECT_EQ(counts.size(), shares.size());
  for (const auto& [target, share] : shares) {
    const double ideal = share * kDraws, difference = counts.at(target) - ideal;
    chi_square += difference * difference / ideal;
  }
  EXPECT_LT(chi_square, 16.27);  // three degrees of freedom, passed by chance 999 times of 1000
}

TEST(PairSource, ADrawDependsOnTheRandomNumbersAlone) {
  const ScratchFolder folder;
  const auto path = folder.write(
      "p.jsonl",
      R"({"source": [5], "targets": [{"target": [6], "weight": 3}, {"target": [7], "weight": 3}]})");
  const PairSource pairs(path, nullptr, kLimits), again(path, nullptr, kLimits);
  for (uint64_t number = 100; number-- > 0;)
    EXPECT_EQ(pairs.sample(0, CounterRandom(1, number)), again.sample(0, CounterRandom(1, number)));
}

TEST(PairSource, WeightsOfAnySizeAreTaken) {
  const ScratchFolder folder;
  const PairSource pairs(
      folder.write(
          "p.jsonl",
          R"({"source": [5], "targets": [{"target": [6], "weight": 1e308}, {"target": [7], "weight": 1e308}]})"
          "\n"
          R"({"source": [5], "targets": [{"target": [6], "weight": 1e-300}, {"target": [7], "weight": 3}]})"
          "\n"
          R"({"source": [5], "targets": [{"target": [8], "weight": 1e-320}]})"
          "\n"),
      nullptr, kLimits);
  const auto even = count_draws(pairs, 0, 1000), uneven = count_draws(pairs, 1, 1000);
  EXPECT_NEAR(even.at({6}), 500, 80);
  EXPECT_NEAR(even.at({7}), 500, 80);
  EXPECT_EQ(uneven.at({7}), 1000);
  EXPECT_EQ(count_draws(pairs, 2, 10).at({8}), 10);
}

TEST(PairSource, FaultsOfSeveralTargetsNameFileAndLine) {
  const ScratchFolder folder;
  const auto refused = [&](const std::string& members) {
    const auto path = folder.write("p.jsonl", "\n{\"source\": [5], " + members + "}\n");
    return message_of<InputError>([&] { PairSource(path, &tokenizer(), kLimits); });
  };
  EXPECT_THAT(refused(R"("target": [6], "targets": [{"target": [6], "weight": 1}])"),
              HasSubstr("p.jsonl:2 is no object with \"source\" and either \"target\" or \"targets\""));
  EXPECT_THAT(refused(R"("targets": [])"), HasSubstr("p.jsonl:2: targets must be a list of at least one"));
  EXPECT_THAT(refused(R"("targets": {"target": [6], "weight": 1})"), HasSubstr("must be a list"));
  EXPECT_THAT(refused(R"("targets": [{"target": [6], "weight": 1}, {"target": [7]}])"),
              HasSubstr("p.jsonl:2: entry 2 of targets is no object with \"target\" and \"weight\""));
  EXPECT_THAT(refused(R"("targets": [[6]])"), HasSubstr("entry 1 of targets"));
  for (const char* weight : {"0", "-1", "true", "\"1\"", "null"})
    EXPECT_THAT(refused(fmt::format(R"("targets": [{{"target": [6], "weight": {}}}])", weight)),
                HasSubstr(fmt::format("p.jsonl:2: a target has weight {}; weights must be", weight)));
  EXPECT_THAT(refused(R"("targets": [{"target": [6], "weight": 1e999}])"), HasSubstr("p.jsonl:2"));
  EXPECT_THAT(refused(R"("targets": [{"target": [400], "weight": 1}])"), HasSubstr("token id 400, outside"));
  std::string ids = "[";
  for (const int32_t id : tokenizer().encode("学生")) ids += fmt::format("{}, ", id);
  const std::string same = R"("targets": [{"target": [6], "weight": 1}, {"target": "学生", "weight": 1}, )"
                           R"({"target": )" +
                           ids + R"(1], "weight": 2}])";
  EXPECT_THAT(refused(same), HasSubstr("p.jsonl:2: entries 2 and 3 of targets are the same tokens"));
  EXPECT_THAT(refused(R"("targets": [{"target": [], "weight": 1}])"), HasSubstr("nothing to learn"));
}

}  // namespace
}  // namespace tandem::data
