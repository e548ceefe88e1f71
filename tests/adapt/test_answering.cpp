// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tandem/adapt/answering.h"
#include "tandem/base/error.h"
#include "tandem/infer/score.h"
#include "tests/data/invented_tokenizer.h"
#include "tests/infer/tiny_model.h"
#include "tests/tasks/invented_task.h"

namespace tandem::adapt {
namespace {

const data::Tokenizer& tokenizer() {
  static const data::Tokenizer tokenizer = data::invented_tokenizer(200, 450);
  return tokenizer;
}

const infer::LoadedModel& model() {
  static const model::ModelConfig config = testing::tiny_config(model::Positions::kRotary, 450);
  static const infer::LoadedModel loaded(config, testing::tiny_parameters(config, at::kDouble),
                                         tokenizer().ids());
  return loaded;
}

double sum_of(const infer::Ids& source, const infer::Ids& target) {
  const auto scores = infer::score(model(), {{.source = source, .target = target}}).front();
  return std::accumulate(scores.begin(), scores.end(), 0.0);
}

std::vector<tasks::Row> rows_of(const std::vector<std::string>& texts,
                                const std::vector<std::vector<std::string>>& candidates = {}) {
  std::vector<tasks::Row> rows;
  for (size_t i = 0; i < texts.size(); ++i)
    rows.push_back({.line = static_cast<int64_t>(i + 1),
                    .values = {texts[i]},
                    .candidates = candidates.empty() ? std::vector<std::string>{} : candidates[i]});
  return rows;
}

// What is compared token by token, one answer at a time.
void expect_scores_of_rows(const tasks::Phrasing& phrasing, const std::vector<tasks::Row>& rows) {
  const std::vector<AnswerScores> scores =
      score_answers(model(), phrasing, rows, "file.json", Correction::kCompute);
  ASSERT_EQ(scores.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const tasks::Answers answers = phrasing.answers(rows[i], "file.json");
    for (size_t k = 0; k < answers->size(); ++k) {
      const tasks::Ids& answer = answers->at(k);
      const double sum = sum_of(phrasing.source(rows[i], "file.json"), answer);
      EXPECT_NEAR(scores[i].of(ScoreForm::kSum)[k], sum, 1e-10);
      EXPECT_NEAR(scores[i].of(ScoreForm::kMean)[k], sum / static_cast<double>(answer.size()), 1e-10);
      EXPECT_NEAR(scores[i].of(ScoreForm::kCorrected)[k], sum - sum_of(phrasing.empty_source(), answer),
                  1e-10);
    }
  }
}

TEST(Answering, ScoresAreThoseOfEachAnswerAlone) {
  nlohmann::json json = tasks::invented_json();
  json["labels"] = {{{"label", "1"}, {"words", "散步"}},
                    {{"label", "2"}, {"words", "准备晚饭，然后回家"}},
                    {{"label", "3"}, {"words", "准备"}}};
  const tasks::Task task = tasks::task_of(json);
  const auto rows = rows_of({"今天老师在公园里散步", "明年", "农民修理旧机器，一共3次。"});
  expect_scores_of_rows(tasks::phrasing_of(task, "first", tokenizer(), {.source = 64, .target = 40}), rows);
  expect_scores_of_rows(tasks::phrasing_of(task, "plain", tokenizer(), {.source = 64, .target = 40}), rows);
}

TEST(Answering, CandidatesAreThoseOfTheirRow) {
  const tasks::Task task = tasks::task_of(tasks::invented_candidates_json());
  const std::vector<std::string> first{"散步", "回家", "写了"}, second{"老师", "写了一封长信", "写了"};
  expect_scores_of_rows(tasks::phrasing_of(task, "passage", tokenizer(), {.source = 64, .target = 40}),
                        rows_of({"今天#word#。", "明年#word#，", "#word#"}, {first, second, second}));
}

TEST(Answering, ManyCandidatesAreEachWorthWhatTheyAreAlone) {
  const tasks::Task task = tasks::task_of(tasks::invented_candidates_json());
  const std::vector<std::string> words{"散步", "回家", "写了", "老师", "农民", "准备"};
  std::vector<std::vector<std::string>> candidates;
  for (const std::string& first : words)
    for (size_t k = 0; k < words.size(); k += 3)
      candidates.push_back({first + words[k], first + words[k + 1], first + words[k + 2]});
  const auto rows = rows_of(std::vector<std::string>(candidates.size(), "今天#word#。"), candidates);
  expect_scores_of_rows(tasks::phrasing_of(task, "passage", tokenizer(), {.source = 64, .target = 40}), rows);
}

TEST(Answering, WithoutCorrectionTheOtherScoresAreTheSame) {
  const tasks::Task task = tasks::task_of(tasks::invented_candidates_json());
  const tasks::Phrasing phrasing =
      tasks::phrasing_of(task, "passage", tokenizer(), {.source = 64, .target = 40});
  const auto rows = rows_of({"今天#word#。", "#word#"}, {{"散步", "回家", "写了"}, {"老师", "农民", "写了"}});
  const auto with = score_answers(model(), phrasing, rows, "file.json", Correction::kCompute),
             without = score_answers(model(), phrasing, rows, "file.json", Correction::kSkip);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_TRUE(std::ranges::equal(with[i].of(ScoreForm::kSum), without[i].of(ScoreForm::kSum)));
    EXPECT_TRUE(std::ranges::equal(with[i].of(ScoreForm::kMean), without[i].of(ScoreForm::kMean)));
    EXPECT_TRUE(without[i].of(ScoreForm::kCorrected).empty());
    EXPECT_THROW(without[i].best(ScoreForm::kCorrected), BugError);
  }
}

TEST(Answering, ProgressCountsEveryRow) {
  const tasks::Task task = tasks::task_of(tasks::invented_json());
  const tasks::Phrasing phrasing =
      tasks::phrasing_of(task, "first", tokenizer(), {.source = 16, .target = 16});
  size_t done = 0;
  score_answers(model(), phrasing, rows_of(std::vector<std::string>(300, "明年")), "file.json",
                Correction::kSkip, [&](size_t more) { done += more; });
  EXPECT_EQ(done, 300u);
}

}  // namespace
}  // namespace tandem::adapt
