// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "invented_task.h"
#include "tandem/base/utf8.h"
#include "tandem/tasks/statistics.h"
#include "tests/data/scratch_folder.h"

namespace tandem::tasks {
namespace {

using testing::ElementsAre;

Row row(std::string id, std::string text, size_t label) {
  return {.id = std::move(id), .values = {std::move(text)}, .candidates = {}, .label = label};
}

TEST(Statistics, CountRowsTextsIdsAndLabels) {
  Rows rows;
  rows.rows = {row("0", "天晴", 0), row("0", "下雨了", 1), row("1", "天晴", 0),
               row("", "a", 0),     row("", "b", 1),       row("0", "c", 0)};
  const FileFigures figures = figures_of(task_of(invented_json()), FileRole::kTrain, rows);
  EXPECT_EQ(figures.rows, 6);
  EXPECT_EQ(figures.texts, 5);
  EXPECT_EQ(figures.repeated_ids, 1);
  EXPECT_THAT(figures.labels, ElementsAre(4, 2));
  EXPECT_DOUBLE_EQ(figures.majority(), 4.0 / 6);
  EXPECT_EQ(figures.lengths.longest, 3);
  EXPECT_DOUBLE_EQ(figures.lengths.median, 1.5);
}

TEST(Statistics, LengthsAreCharactersOfAllInputs) {
  EXPECT_EQ(num_characters("a天\U0001F600"), 3);
  Rows rows;
  for (int64_t length = 1; length <= 200; ++length) rows.rows.push_back(row("", std::string(length, 'x'), 0));
  rows.rows[199].values.push_back("天天");
  const Lengths lengths = figures_of(task_of(invented_json()), FileRole::kTest, rows).lengths;
  EXPECT_DOUBLE_EQ(lengths.median, 100.5);
  EXPECT_EQ(lengths.percentile_99, 198);
  EXPECT_EQ(lengths.longest, 202);
}

TEST(Statistics, OfAFileWithoutAnswersHaveNoMajority) {
  Rows rows;
  rows.rows = {row("0", "a", 0)};
  const FileFigures figures = figures_of(task_of(invented_json()), FileRole::kTest, rows);
  EXPECT_TRUE(figures.labels.empty());
  EXPECT_EQ(figures.majority(), 0);
}

TEST(Statistics, OverlapsAreOfTextsThatDiffer) {
  data::ScratchFolder folder;
  folder.write("train_0.json", R"({"sentence": "a", "label": 1}
{"sentence": "a", "label": 1}
{"sentence": "b", "label": 2})");
  folder.write("dev_0.json", "{\"sentence\": \"c\", \"label\": 1}\n");
  folder.write("test.json", R"({"id": 0, "sentence": "a"}
{"id": 1, "sentence": "c"})");
  const Task task = task_of(invented_json());
  TaskData data(task, folder / "");
  std::vector<std::string> found;
  for (const Overlap& overlap : overlaps_in(data))
    found.push_back(overlap.first + " " + overlap.second + " " + std::to_string(overlap.texts));
  EXPECT_THAT(found, ElementsAre("train_0 test 1", "dev_0 test 1"));
}

}  // namespace
}  // namespace tandem::tasks
