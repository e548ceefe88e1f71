// SPDX-License-Identifier: Apache-2.0
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "invented_task.h"
#include "tandem/base/error.h"
#include "tandem/tasks/task_parser.h"
#include "tests/data/scratch_folder.h"

namespace tandem::tasks {
namespace {

using data::message_of;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::string problem_of(json task, const std::function<void(json&)>& change) {
  change(task);
  return message_of<InputError>([&] { task_of(task); });
}
std::string problem_of(const std::function<void(json&)>& change) {
  return problem_of(invented_json(), change);
}

TEST(TaskParser, ReadsAllOfATask) {
  const Task task = task_of(invented_json());
  EXPECT_EQ(task.name, "weather");
  std::vector<std::string> names;
  for (const TaskFile& file : task.files) names.push_back(file.name);
  EXPECT_THAT(names, ElementsAre("train_0", "train_1", "dev_0", "dev_1", "test_public", "test", "unlabeled"));
  EXPECT_THAT(task.labels, ElementsAre("1", "2"));
  EXPECT_EQ(task.num_classes(), 2u);
  ASSERT_EQ(task.patterns.size(), 1u);
  EXPECT_THAT(task.patterns[0].words, ElementsAre(Words{"晴"}, Words{"雨"}));
  EXPECT_EQ(task.inputs[0].cut, Cut::kFromEnd);
  EXPECT_EQ(task.submission.id, ValueType::kInteger);
  EXPECT_EQ(task.submission.type, ValueType::kText);
}

TEST(TaskParser, ReadsTheFloorAndWhatOthersReached) {
  json json_task = invented_json();
  json_task["inputs"]["other"] = {{"path", "o"}};
  const Task usual = task_of(json_task);
  ASSERT_TRUE(usual.floor.has_value());
  EXPECT_EQ(usual.floor->kind, FloorKind::kCharacters);
  EXPECT_THAT(usual.floor->inputs, ElementsAre(0, 1));
  EXPECT_TRUE(usual.published.empty());
  json_task["floor"] = {{"kind", "overlap"}, {"inputs", {"sentence", "other"}}};
  json_task["published"] = {{{"method", "PET"}, {"accuracy", 54.5}, {"spread", 1.2}},
                            {{"method", "human"}, {"accuracy", 71}}};
  const Task task = task_of(json_task);
  EXPECT_EQ(task.floor->kind, FloorKind::kOverlap);
  EXPECT_THAT(task.floor->inputs, ElementsAre(1, 0));
  ASSERT_EQ(task.published.size(), 2u);
  EXPECT_EQ(task.published[0].method, "PET");
  EXPECT_EQ(task.published[0].accuracy, 54.5);
  EXPECT_EQ(task.published[0].spread, 1.2);
  EXPECT_EQ(task.published[1].accuracy, 71);
  EXPECT_FALSE(task.published[1].spread.has_value());
  EXPECT_FALSE(task_of(invented_candidates_json()).floor.has_value());
}

TEST(TaskParser, RefusesFloorsAndResultsThatCannotBe) {
  const auto with_floor = [](const char* kind, const json& inputs) {
    return problem_of([&](json& t) { t["floor"] = {{"kind", kind}, {"inputs", inputs}}; });
  };
  EXPECT_THAT(with_floor("overlap", {"sentence"}), HasSubstr("floor: an overlap is that of two inputs"));
  EXPECT_THAT(with_floor("characters", {"sentense"}), HasSubstr("floor: 'sentense' is no input"));
  EXPECT_THAT(with_floor("words", {"sentence"}), HasSubstr("'kind' is 'words', which is none of"));
  EXPECT_THAT(problem_of(invented_candidates_json(),
                         [](json& t) {
                           t["floor"] = {{"kind", "characters"}, {"inputs", {"content"}}};
                         }),
              HasSubstr("each line has its own candidates"));
  const auto with_result = [](const json& result) {
    return problem_of([&](json& t) { t["published"] = {result}; });
  };
  EXPECT_THAT(with_result({{"method", "PET"}, {"accuracy", 101}}),
              HasSubstr("published[0]: 'accuracy' is 101"));
  EXPECT_THAT(with_result({{"method", "PET"}, {"accuracy", "54"}}), HasSubstr("'accuracy' is not a number"));
  EXPECT_THAT(with_result({{"method", "PET"}}), HasSubstr("'accuracy' is missing"));
  EXPECT_THAT(with_result({{"method", "PET"}, {"accuracy", 5}, {"sprad", 1}}),
              HasSubstr("the nearest is 'spread'"));
}

TEST(TaskParser, CandidatesAreTheLinesOwn) {
  const Task task = task_of(invented_candidates_json());
  EXPECT_EQ(task.num_classes(), 3u);
  EXPECT_TRUE(task.labels.empty());
  EXPECT_TRUE(task.patterns[0].words.empty());
}

TEST(TaskParser, APatternsOwnWordsComeFirst) {
  json changed = invented_json();
  changed["patterns"].push_back({{"name", "two"},
                                 {"text", "{sentence}是_天，_出门"},
                                 {"words", {{"1", {"晴", "要"}}, {"2", {"雨", "不"}}}}});
  const Task task = task_of(changed);
  EXPECT_THAT(task.patterns[0].words, ElementsAre(Words{"晴"}, Words{"雨"}));
  EXPECT_THAT(task.patterns[1].words, ElementsAre(Words{"晴", "要"}, Words{"雨", "不"}));
}

TEST(TaskParser, LabelsThatAreWrittenAlikeAreRefused) {
  EXPECT_EQ(problem_of([](json& t) { t["labels"][1]["words"] = "晴"; }),
            "weather.json: patterns[0]: the labels '1' and '2' are both written '晴'");
  EXPECT_THAT(problem_of([](json& t) {
                t["patterns"][0]["words"] = {{"1", "好"}, {"2", "好"}};
              }),
              HasSubstr("are both written '好'"));
}

TEST(TaskParser, WordsMustFitTheGaps) {
  EXPECT_EQ(problem_of([](json& t) { t["patterns"][0]["text"] = "_{sentence}_"; }),
            "weather.json: patterns[0]: the pattern has 2 gaps, but the label '1' has 1 words");
  EXPECT_THAT(problem_of([](json& t) { t["labels"][1] = "2"; }), HasSubstr("the label '2' has no words"));
  EXPECT_THAT(problem_of([](json& t) {
                t["patterns"][0]["words"] = {{"1", "好"}};
              }),
              HasSubstr("patterns[0]: words: '2' is missing"));
  EXPECT_THAT(problem_of([](json& t) {
                t["patterns"][0]["words"] = {{"1", "好"}, {"2", "坏"}, {"3", "中"}};
              }),
              HasSubstr("patterns[0]: words: '3' is not known here"));
  EXPECT_THAT(problem_of([](json& t) { t["labels"][0]["words"] = ""; }),
              HasSubstr("labels[0]: 'words' is empty"));
  EXPECT_THAT(problem_of([](json& t) {
                t["labels"][0]["words"] = {"晴", 1};
              }),
              HasSubstr("holds 1, which is no text"));
}

TEST(TaskParser, LabelsAreNeverAnInput) {
  EXPECT_EQ(problem_of([](json& t) { t["inputs"]["sentence"]["path"] = "label"; }),
            "weather.json: the input 'sentence' shows the label, 'label'");
}

TEST(TaskParser, ACutNeverTakesTheGap) {
  const json task = invented_candidates_json();
  EXPECT_THAT(problem_of(task, [](json& t) { t["inputs"]["content"]["cut"] = "end"; }),
              HasSubstr("inputs: content: 'cut' could cut the gap away"));
  EXPECT_THAT(problem_of([](json& t) { t["inputs"]["sentence"]["cut"] = "far_from_gap"; }),
              HasSubstr("there is no 'gap'"));
  EXPECT_THAT(
      problem_of([](json& t) {
        t["inputs"]["sentence"]["marks"] = {{{"text", "a"}, {"at", "b"}, {"before", "<"}, {"behind", ">"}}};
      }),
      HasSubstr("'cut' could cut what is marked"));
  EXPECT_THAT(problem_of(task, [](json& t) { t["patterns"][0]["text"] = "{content}，_"; }),
              HasSubstr("more than the one gap of a candidate"));
}

TEST(TaskParser, FilesHaveOnePurposeEach) {
  EXPECT_EQ(problem_of([](json& t) { t["files"]["train_0"] = "test.json"; }),
            "weather.json: files: 'train_0' and 'test' are one file, test.json");
  EXPECT_THAT(problem_of([](json& t) { t["files"].erase("dev_1"); }),
              HasSubstr("'train_1' or 'dev_1' is there without the other"));
  EXPECT_THAT(problem_of([](json& t) { t["files"]["training"] = "x.json"; }),
              HasSubstr("'training' is none of: train, train_SPLIT, dev"));
  EXPECT_THAT(problem_of([](json& t) { t["files"]["test"] = "../test.json"; }), HasSubstr("no file's name"));
  EXPECT_THAT(problem_of([](json& t) { t["files"] = json::object(); }), HasSubstr("files: names no file"));
}

TEST(TaskParser, EveryOtherSlipIsToldByMember) {
  EXPECT_THAT(problem_of([](json& t) { t["patern"] = 1; }),
              HasSubstr("'patern' is not known here; the nearest is 'patterns'"));
  EXPECT_THAT(problem_of([](json& t) { t["inputs"]["sentence"]["joni"] = "x"; }),
              HasSubstr("inputs: sentence: 'joni' is not known here; the nearest is 'join'"));
  EXPECT_THAT(problem_of([](json& t) { t.erase("label"); }), HasSubstr("'label' is missing"));
  EXPECT_THAT(problem_of([](json& t) { t["name"] = "my task"; }), HasSubstr("'name' may hold letters"));
  EXPECT_THAT(problem_of([](json& t) { t["format"] = "xml"; }),
              HasSubstr("'format' is 'xml', which is none of: json_lines"));
  EXPECT_THAT(problem_of([](json& t) { t["metric"] = "f1"; }), HasSubstr("none of: accuracy"));
  EXPECT_THAT(problem_of([](json& t) { t["label"] = "a..b"; }), HasSubstr("no path as in a.b"));
  EXPECT_THAT(problem_of([](json& t) { t["id"] = json::array(); }), HasSubstr("'id' is empty"));
  EXPECT_THAT(problem_of([](json& t) { t["inputs"] = json::object(); }), HasSubstr("names no input"));
  EXPECT_THAT(problem_of([](json& t) { t["inputs"]["a-b"] = {{"path", "x"}}; }), HasSubstr("'a-b' may hold"));
  EXPECT_THAT(problem_of([](json& t) { t["labels"].erase(1); }), HasSubstr("'labels' are 1, outside 2 to"));
  EXPECT_THAT(problem_of([](json& t) { t["labels"][1] = t["labels"][0]; }), HasSubstr("'1' is there twice"));
  EXPECT_THAT(problem_of([](json& t) {
                t["candidates"] = {{"path", "c"}, {"count", 3}};
              }),
              HasSubstr("either 'labels' or 'candidates'"));
  EXPECT_THAT(problem_of([](json& t) { t["patterns"].push_back(t["patterns"][0]); }),
              HasSubstr("patterns[1]: 'name' is 'first', as of another pattern"));
  EXPECT_THAT(problem_of([](json& t) { t["patterns"] = json::array(); }), HasSubstr("'patterns' is empty"));
  EXPECT_THAT(problem_of([](json& t) { t["left_out"] = {"1"}; }),
              HasSubstr("holds '1', which is one of 'labels'"));
  EXPECT_THAT(problem_of([](json& t) { t["submission"]["member"] = "id"; }), HasSubstr("'member' is 'id'"));
  EXPECT_THAT(problem_of([](json& t) {
                t["labels"][0]["label"] = "good";
                t["submission"]["type"] = "integer";
              }),
              HasSubstr("submission: 'type' is integer, but the label 'good' is none"));
  EXPECT_THAT(message_of<InputError>([] { parse_task("{", "weather.json"); }),
              StartsWith("weather.json: not JSON: "));
  EXPECT_THAT(message_of<InputError>([] { read_task("/nowhere/weather.json"); }),
              HasSubstr("/nowhere/weather.json"));
}

}  // namespace
}  // namespace tandem::tasks
