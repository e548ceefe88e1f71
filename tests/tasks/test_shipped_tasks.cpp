// SPDX-License-Identifier: Apache-2.0
// The tasks that come with tandem: invented lines of the published form, rendered by hand.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/tasks/rows.h"
#include "tandem/tasks/task_parser.h"
#include "tests/data/scratch_folder.h"

namespace tandem::tasks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

const std::filesystem::path kFolder = std::filesystem::path(TANDEM_SOURCE_DIR) / "configs/tasks";

Task shipped(const std::string& name) { return read_task(kFolder / (name + ".json")); }

Rows read(const Task& task, const std::string& line, FileRole role) {
  data::ScratchFolder folder;
  return read_rows(task, role, folder.write("file.json", line + "\n"));
}

struct Example {
  std::string task;
  std::string line;
  std::vector<std::string> shown;  // by each pattern
  std::vector<std::string> words;  // that answer each
};

class ShippedTask : public testing::TestWithParam<Example> {};

TEST_P(ShippedTask, RendersAsWrittenByHand) {
  const Task task = shipped(GetParam().task);
  const Row row = read(task, GetParam().line, FileRole::kTrain).rows.at(0);
  std::vector<std::string> shown, words;
  for (const TaskPattern& pattern : task.patterns) {
    shown.push_back(show(pattern.pattern.render(row.values)));
    words.push_back(task.candidates ? row.candidates[row.label.value()]
                                    : pattern.words[row.label.value()][0]);
  }
  EXPECT_EQ(shown, GetParam().shown);
  EXPECT_EQ(words, GetParam().words);
}

const Example kExamples[] = {
    {"eprstmt",
     R"({"id": 3, "sentence": "杯子漏水", "label": "Negative"})",
     {"_满意。杯子漏水", "杯子漏水? 用户对商品_满意", "杯子漏水? 所以用户_满意。", "杯子漏水这句话的情感是_"},
     {"不", "不", "不", "消极"}},
    {"tnews",
     R"({"label": 103, "label_desc": "news_sports", "sentence": "村队赢了县队", "keywords": "村队", "id": 5})",
     {"下面报导一则_新闻。村队赢了县队", "以下是一则_相关新闻标题：村队赢了县队",
      "村队赢了县队？这是一个关于_的新闻", "村队赢了县队这段内容是关于_"},
     {"体育", "体育", "体育", "体育"}},
    {"clue_tnews",
     R"({"label": "116", "label_desc": "news_game", "sentence": "新手怎么玩", "keywords": ""})",
     {"下面报导一则_新闻。新手怎么玩", "以下是一则_相关新闻标题：新手怎么玩",
      "新手怎么玩？这是一个关于_的新闻", "新手怎么玩这段内容是关于_"},
     {"电竞", "电竞", "电竞", "电竞"}},
    {"csldcp",
     R"({"content": "本文研究梁的弯曲.", "label": "力学", "id": 9})",
     {"这篇_论文阐述了本文研究梁的弯曲.", "本文研究梁的弯曲.？ 这是一个关于_的文章",
      "本文研究梁的弯曲.这段描述的学科是_"},
     {"力学", "力学", "力学"}},
    {"ocnli",
     R"({"level": "easy", "sentence1": "他在家", "sentence2": "他出门了", "label": "contradiction",
         "label0": null, "label1": null, "genre": "x", "prem_id": "x_1", "id": 0})",
     {"他在家？_,他出门了", "他出门了 ? _, 他在家", "“他在家”和“他出门了”之间的逻辑关系是_",
      "下边两句话之间有什么逻辑关系？_“他在家”“他出门了”"},
     {"不是", "不", "矛盾", "不同"}},
    {"bustm",
     R"({"id": 1, "sentence1": "几点了", "sentence2": "现在几点", "label": "1"})",
     {"几点了和现在几点意思_同", "现在几点 ? _, 几点了"},
     {"相", "是"}},
    {"clue_afqmc",
     R"({"sentence1": "怎么还款", "sentence2": "额度多少", "label": "0"})",
     {"怎么还款和额度多少意思_同", "额度多少 ? _, 怎么还款"},
     {"不", "不"}},
    {"chid",
     R"({"id": 4, "candidates": ["一石二鸟", "画蛇添足", "守株待兔", "井底之蛙", "对牛弹琴", "亡羊补牢", "叶公好龙"],
         "content": "他#idiom#,又画了脚。", "answer": 1})",
     {"他_,又画了脚。"},
     {"画蛇添足"}},
    {"iflytek",
     R"({"label": 23, "label_des": "MOBA", "sentence": "五人对战", "id": 2})",
     {"做为一款_应用，五人对战", "五人对战？ 这是一个关于_的应用",
      "这是一个关于_的应用 ？ 因为描述是这样的：五人对战"},
     {"竞技", "竞技", "竞技"}},
    {"csl",
     R"({"id": 1, "abst": "研究桥梁.", "keyword": ["桥梁", "振动"], "label": "1"})",
     {"_用桥梁，振动概括研究桥梁.", "研究桥梁. ? _, 桥梁，振动"},
     {"可以", "是"}},
    {"cluewsc",
     R"({"target": {"span2_index": 5, "span1_index": 0, "span1_text": "小张", "span2_text": "他"}, "idx": 7,
         "label": "true", "text": "小张说今天他请客。"})",
     {"【小张】说今天【他】请客。这个代词【他】是指【小张】吗？_",
      "【小张】说今天【他】请客。其中【他】指的_【小张】"},
     {"是", "是"}},
};

// A line of a published file is one line.
std::vector<Example> examples() {
  std::vector<Example> all(std::begin(kExamples), std::end(kExamples));
  for (Example& example : all) std::ranges::replace(example.line, '\n', ' ');
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, ShippedTask, testing::ValuesIn(examples()),
                         [](const auto& instance) { return instance.param.task; });

TEST(ShippedTasks, AreNamedAsTheirFilesAre) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    names.push_back(entry.path().stem());
    EXPECT_EQ(read_task(entry.path()).name, names.back());
  }
  EXPECT_THAT(names, UnorderedElementsAre("eprstmt", "tnews", "csldcp", "ocnli", "bustm", "chid", "iflytek",
                                          "csl", "cluewsc", "clue_tnews", "clue_iflytek", "clue_ocnli",
                                          "clue_csl", "clue_cluewsc", "clue_afqmc"));
}

TEST(ShippedTasks, HaveThePublishedNumbersOfClasses) {
  const std::map<std::string, size_t> classes{
      {"eprstmt", 2},   {"tnews", 15}, {"csldcp", 67}, {"ocnli", 3},       {"bustm", 2},         {"chid", 7},
      {"iflytek", 119}, {"csl", 2},    {"cluewsc", 2}, {"clue_tnews", 15}, {"clue_iflytek", 119}};
  for (const auto& [name, count] : classes) EXPECT_EQ(shipped(name).num_classes(), count) << name;
}

// The published map of one baseline writes two pairs of classes alike; here all words differ.
TEST(ShippedTasks, CsldcpTellsAllDisciplinesApart) {
  const Task task = shipped("csldcp");
  const std::set<Words> words(task.patterns[0].words.begin(), task.patterns[0].words.end());
  EXPECT_EQ(words.size(), 67u);
  const auto written = [&](const std::string& label) {
    return task.patterns[0]
        .words[static_cast<size_t>(std::ranges::find(task.labels, label) - task.labels.begin())];
  };
  EXPECT_THAT(written("理论经济学"), ElementsAre("理经"));
  EXPECT_THAT(written("应用经济学"), ElementsAre("应经"));
  EXPECT_THAT(written("农业工程"), ElementsAre("农工"));
  EXPECT_THAT(written("农业资源利用"), ElementsAre("农资"));
  // Slashes and enumeration commas are part of a label.
  EXPECT_THAT(written("图书馆、情报与档案管理"), ElementsAre("情报"));
  EXPECT_THAT(written("地质学/地质资源与地质工程"), ElementsAre("地质"));
}

TEST(ShippedTasks, ShowNoLabelAndNoKeywordsOfNews) {
  for (const char* name : {"tnews", "clue_tnews", "iflytek", "clue_iflytek"}) {
    const Task task = shipped(name);
    ASSERT_EQ(task.inputs.size(), 1u);
    EXPECT_EQ(task.inputs[0].path, "sentence");
  }
  for (const char* name : {"ocnli", "clue_ocnli"})
    for (const Input& input : shipped(name).inputs) EXPECT_THAT(input.path, HasSubstr("sentence"));
}

TEST(ShippedTasks, ClueOcnliLeavesOutLinesWithoutAnAgreedLabel) {
  const Rows rows = read(shipped("clue_ocnli"),
                         R"({"sentence1": "a", "sentence2": "b", "label": "-"})"
                         "\n"
                         R"({"sentence1": "c", "sentence2": "d", "label": "neutral"})",
                         FileRole::kTrain);
  EXPECT_EQ(rows.rows.size(), 1u);
  EXPECT_EQ(rows.left_out, 1);
}

TEST(ShippedTasks, AnswersAreWrittenAsTheBenchmarksExamplesAre) {
  const Submission tnews = shipped("tnews").submission, chid = shipped("chid").submission;
  EXPECT_EQ(tnews.file, "tnewsf_predict.json");
  EXPECT_EQ(tnews.id, ValueType::kText);
  EXPECT_EQ(tnews.type, ValueType::kText);
  EXPECT_EQ(chid.member, "answer");
  EXPECT_EQ(chid.type, ValueType::kInteger);
  EXPECT_EQ(shipped("csldcp").submission.file, "csldcp_predict.json");
}

}  // namespace
}  // namespace tandem::tasks
