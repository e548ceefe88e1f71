// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "invented_task.h"
#include "tandem/base/error.h"
#include "tandem/tasks/phrasing.h"
#include "tests/data/invented_tokenizer.h"

namespace tandem::tasks {
namespace {

using data::message_of;
using data::Tokenizer;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

const Tokenizer& tokenizer() {
  static const data::Tokenizer tokenizer = data::invented_tokenizer(300, 480);
  return tokenizer;
}

// The ids of texts that are tokenised one by one, K standing for sentinel K.
struct Gap {
  int64_t number;
};
void append(Ids& ids, const char* text) {
  for (const int32_t id : tokenizer().encode(text)) ids.push_back(id);
}
void append(Ids& ids, Gap gap) { ids.push_back(tokenizer().ids().sentinel(gap.number)); }
template <class... Parts>
Ids ids_of(Parts... parts) {
  Ids ids;
  (append(ids, parts), ...);
  ids.push_back(tokenizer().ids().eos);
  return ids;
}

constexpr data::SampleLengths kRoomy{.source = 200, .target = 40};

struct Phrased {
  Phrased(const json& task_json, const std::string& name, data::SampleLengths lengths = kRoomy,
          const Tokenizer& with = tokenizer())
      : task(task_of(task_json)), phrasing(phrasing_of(task, name, with, lengths)) {}
  Phrased(const Phrased&) = delete;
  Phrased& operator=(const Phrased&) = delete;

  Ids source(std::vector<std::string> values) const {
    return phrasing.source({.line = 3, .values = std::move(values)}, "train_0.json");
  }
  std::vector<Ids> answers(std::vector<std::string> candidates = {}) const {
    return *phrasing.answers({.line = 3, .values = {}, .candidates = std::move(candidates)}, "train_0.json");
  }

  Task task;
  Phrasing phrasing;
};

std::string problem_of(const json& task_json, const std::string& name = "first",
                       data::SampleLengths lengths = kRoomy, const Tokenizer& with = tokenizer()) {
  return message_of<InputError>([&] { Phrased(task_json, name, lengths, with); });
}

json two_gaps() {
  json task = invented_json();
  task["patterns"][0]["text"] = "今天_，{sentence}，明年_。";
  task["labels"] = {{{"label", "1"}, {"words", {"散步", "回家"}}},
                    {{"label", "2"}, {"words", {"散步", "写了"}}}};
  return task;
}

TEST(Phrasing, EachPartIsTokenisedAlone) {
  const Phrased weather(invented_json(), "first");
  EXPECT_EQ(weather.source({"心情很好"}), ids_of("今天", Gap{0}, "天。", "心情很好"));
  EXPECT_THAT(weather.answers(), ElementsAre(ids_of(Gap{0}, "晴"), ids_of(Gap{0}, "雨")));
}

TEST(Phrasing, AWordsIdsDoNotDependOnWhatStandsAround) {
  // 公园 and 里 are one piece where they stand together.
  ASSERT_NE(tokenizer().encode("公园里散步"), [] {
    Ids apart = tokenizer().encode("公园");
    append(apart, "里散步");
    return apart;
  }());
  json task = invented_json();
  task["patterns"][0]["text"] = "_里散步。{sentence}";
  task["labels"][0]["words"] = "公园";
  EXPECT_EQ(Phrased(task, "first").answers()[0], ids_of(Gap{0}, "公园"));
}

TEST(Phrasing, SeveralGapsAreSeveralSentinels) {
  const Phrased weather(two_gaps(), "first");
  EXPECT_EQ(weather.source({"早上"}), ids_of("今天", Gap{0}, "，", "早上", "，明年", Gap{1}, "。"));
  EXPECT_THAT(weather.answers(),
              ElementsAre(ids_of(Gap{0}, "散步", Gap{1}, "回家"), ids_of(Gap{0}, "散步", Gap{1}, "写了")));
}

TEST(Phrasing, PlainlyTheTextsAloneAndTheLabelsName) {
  json task = invented_json();
  task["inputs"]["second"] = {{"path", "second"}, {"cut", "end"}};
  const Phrased weather(task, Phrasing::kPlain);
  EXPECT_EQ(weather.source({"第二", "心情"}), ids_of("第二", " ", "心情"));
  EXPECT_EQ(weather.source({"", "心情"}), ids_of(" ", "心情"));
  EXPECT_THAT(weather.answers(), ElementsAre(ids_of("1"), ids_of("2")));
}

TEST(Phrasing, CandidatesAreAnswersOfTheirRow) {
  const Phrased passages(invented_candidates_json(), "passage");
  EXPECT_EQ(passages.source({"早上#word#回家"}), ids_of("读：", "早上", Gap{0}, "回家"));
  EXPECT_THAT(passages.answers({"散步", "准备晚饭"}),
              ElementsAre(ids_of(Gap{0}, "散步"), ids_of(Gap{0}, "准备晚饭")));
  const Phrased plainly(invented_candidates_json(), Phrasing::kPlain);
  EXPECT_EQ(plainly.source({"早上#word#回家"}), ids_of("早上#word#回家"));
  EXPECT_THAT(plainly.answers({"散步", "回家"}), ElementsAre(ids_of("散步"), ids_of("回家")));
}

TEST(Phrasing, TheEmptySourceHasTheGapAlone) {
  EXPECT_EQ(Phrased(invented_json(), "first").phrasing.empty_source(), ids_of("今天", Gap{0}, "天。"));
  EXPECT_EQ(Phrased(invented_candidates_json(), "passage").phrasing.empty_source(), ids_of("读：", Gap{0}));
}

TEST(Phrasing, ALongTextIsCutAtItsEnd) {
  const Ids whole = Phrased(invented_json(), "first").source({"今天老师在公园里散步，心情很好"});
  const auto length = std::ssize(whole);
  Ids expected(whole.begin(), whole.end() - 3);
  expected.push_back(tokenizer().ids().eos);
  EXPECT_EQ(Phrased(invented_json(), "first", {length - 2, 9}).source({"今天老师在公园里散步，心情很好"}),
            expected);
}

TEST(Phrasing, APassageKeepsWhatIsNearTheGap) {
  const std::string before = "今天3次5次7次9次", behind = "明年2次4次6次8次";
  const Ids left = tokenizer().encode(before), right = tokenizer().encode(behind),
            read = tokenizer().encode("读：");
  ASSERT_GT(left.size(), 4u);
  ASSERT_GT(right.size(), 4u);
  // Room for four tokens on both sides of the gap.
  Ids expected = read;
  expected.insert(expected.end(), left.end() - 4, left.end());
  append(expected, Gap{0});
  expected.insert(expected.end(), right.begin(), right.begin() + 4);
  expected.push_back(tokenizer().ids().eos);
  EXPECT_EQ(Phrased(invented_candidates_json(), "passage", {std::ssize(expected), 9})
                .source({before + "#word#" + behind}),
            expected);
}

TEST(Phrasing, TheLongestPartLosesFirst) {
  json task = invented_json();
  task["inputs"] = {{"a", {{"path", "a"}, {"cut", "end"}}}, {"b", {{"path", "b"}, {"cut", "start"}}}};
  task["patterns"][0]["text"] = "{a}_{b}";
  const std::string shorter = "心情", longer = "今天老师在公园里散步，然后回家。";
  const Ids b = tokenizer().encode(longer);
  Ids expected = tokenizer().encode(shorter);
  const auto kept = std::ssize(expected) + 2;
  append(expected, Gap{0});
  expected.insert(expected.end(), b.end() - kept, b.end());
  expected.push_back(tokenizer().ids().eos);
  EXPECT_EQ(Phrased(task, "first", {std::ssize(expected), 9}).source({shorter, longer}), expected);
}

TEST(Phrasing, WhatLeavesNothingIsRefused) {
  const auto fixed = std::ssize(ids_of("今天", Gap{0}, "天。"));
  EXPECT_EQ(std::ssize(Phrased(invented_json(), "first", {fixed + 1, 9}).source({"散步回家"})), fixed + 1);
  const std::string problem = message_of<InputError>([&] {
    Phrased(invented_json(), "first", {fixed, 9}).source({"散步回家"});
  });
  EXPECT_THAT(problem, HasSubstr("train_0.json:3: has "));
  EXPECT_THAT(problem, HasSubstr("leaves nothing within data.source_length"));
}

TEST(Phrasing, WordsThatCannotBeToldApartAreRefused) {
  json task = invented_json();
  // Texts that differ and tokens that do not: the tokenizer makes one of both.
  data::SpecialIds ids = tokenizer().ids();
  task["labels"][1]["words"] = "晴";
  EXPECT_THAT(message_of<InputError>([&] { task_of(task); }), HasSubstr("are both written '晴'"));
  // A word of which the tokenizer knows a piece as the unknown one.
  ids.unk = tokenizer().encode("散步").front();
  task["labels"][1]["words"] = "散步";
  EXPECT_EQ(problem_of(task, "first", kRoomy, tokenizer().with_ids(ids)),
            "weather: pattern 'first': label '2': the tokenizer cannot write '散步'; give other words");
}

TEST(Phrasing, CandidatesAreCheckedWhereTheyStand) {
  const Phrased passages(invented_candidates_json(), "passage", {200, 4});
  EXPECT_THAT(message_of<InputError>([&] {
                passages.answers({"散步", "3次5次7次"});
              }),
              HasSubstr("train_0.json:3: '3次5次7次' takes "));
  EXPECT_THAT(message_of<InputError>([&] {
                passages.answers({"散步", "散步"});
              }),
              HasSubstr("train_0.json:3: '散步' and '散步' are the same tokens"));
}

TEST(Phrasing, FaultsOfAPatternAreToldAtOnce) {
  EXPECT_THAT(problem_of(invented_json(), "frist"), HasSubstr("no pattern 'frist'; the nearest is 'first'"));
  EXPECT_THAT(problem_of(invented_json(), "first", {200, 2}), HasSubstr("above data.target_length 2"));
  json task = two_gaps();
  data::SpecialIds ids = tokenizer().ids();
  ids.sentinel_count = 1;
  EXPECT_THAT(problem_of(task, "first", kRoomy, tokenizer().with_ids(ids)),
              HasSubstr("2 gaps, but the vocabulary only 1 sentinels"));
  task = invented_json();
  task["patterns"][0]["name"] = "plain";
  EXPECT_THAT(message_of<InputError>([&] { task_of(task); }), HasSubstr("which means no pattern"));
}

}  // namespace
}  // namespace tandem::tasks
