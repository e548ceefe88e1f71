// SPDX-License-Identifier: Apache-2.0
// The tasks that come with tandem. What becomes of a line of each is in test_shipped_goldens.cpp.
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
