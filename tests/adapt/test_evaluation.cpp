// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/adapt/evaluation.h"
#include "tandem/tasks/task_parser.h"
#include "tests/data/scratch_folder.h"
#include "tests/tasks/invented_task.h"

namespace tandem::adapt {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;

TEST(AnswerScores, EachFormHasItsBest) {
  const AnswerScores scores{{std::vector<double>{-3, -2, -2}, {-1, -2, -2}, {0.5, 0.5, 1}}};
  EXPECT_EQ(scores.best(ScoreForm::kSum), 1u);
  EXPECT_EQ(scores.best(ScoreForm::kMean), 0u);
  EXPECT_EQ(scores.best(ScoreForm::kCorrected), 2u);
}

TEST(AnswerScores, SharesAreTheSoftmax) {
  const AnswerScores scores{{std::vector<double>{std::log(1.0), std::log(3.0)}, {0, 0}, {0, 0}}};
  EXPECT_THAT(scores.shares(ScoreForm::kSum), ElementsAre(DoubleEq(0.25), DoubleEq(0.75)));
  const double root = std::sqrt(3.0);
  EXPECT_THAT(scores.shares(ScoreForm::kSum, 2),
              ElementsAre(DoubleEq(1 / (1 + root)), DoubleEq(root / (1 + root))));
}

TEST(Evaluation, ComparesWithTheLabels) {
  const std::vector<tasks::Row> rows{{.label = 0}, {.label = 1}, {.label = 1}};
  const AnswerScores first{{std::vector<double>{0, -1}, {-1, 0}, {0, 0}}};
  const tasks::Confusion by_sum = confusion_of(answers_of({first, first, first}, ScoreForm::kSum), rows, 2);
  EXPECT_EQ(by_sum.count(1, 0), 2);
  EXPECT_DOUBLE_EQ(by_sum.accuracy(), 1.0 / 3);
  EXPECT_DOUBLE_EQ(confusion_of(answers_of({first, first, first}, ScoreForm::kMean), rows, 2).accuracy(),
                   2.0 / 3);
}

TEST(Evaluation, TheFloorIsMeasuredForEachSplitThereIs) {
  const data::ScratchFolder folder;
  const tasks::Task task = tasks::task_of(tasks::invented_json());
  folder.write("train_0.json",
               "{\"sentence\": \"晴\", \"label\": 1}\n{\"sentence\": \"雨\", \"label\": 2}\n");
  folder.write("train_1.json", "{\"sentence\": \"雨\", \"label\": 1}\n");
  tasks::TaskData data(task, folder / "");
  const std::vector<tasks::Row> rows{{.values = {"晴天"}, .label = 0}, {.values = {"大雨"}, .label = 1}};
  const auto results = floor_results(data, rows);
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].split, "0");
  EXPECT_EQ(results[0].accuracy, 1);
  EXPECT_EQ(results[1].split, "1");
  EXPECT_EQ(results[1].accuracy, 0.5);
}

}  // namespace
}  // namespace tandem::adapt
