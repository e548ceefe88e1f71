// SPDX-License-Identifier: Apache-2.0
#include "tandem/adapt/evaluation.h"

#include "tandem/tasks/floor.h"

namespace tandem::adapt {

std::vector<size_t> answers_of(const std::vector<AnswerScores>& scores, ScoreForm form) {
  std::vector<size_t> answers;
  for (const AnswerScores& of_row : scores) answers.push_back(of_row.best(form));
  return answers;
}

tasks::Confusion confusion_of(const std::vector<size_t>& answers, const std::vector<tasks::Row>& rows,
                              size_t num_classes) {
  tasks::Confusion confusion(num_classes);
  for (size_t i = 0; i < rows.size(); ++i) confusion.add(rows[i].label.value(), answers.at(i));
  return confusion;
}

std::vector<FloorResult> floor_results(tasks::TaskData& data, const std::vector<tasks::Row>& rows) {
  std::vector<FloorResult> results;
  if (!data.task().floor) return results;
  for (const tasks::TaskFile& file : data.task().files) {
    if (file.role != tasks::FileRole::kTrain || !data.has(file)) continue;
    const auto answers = tasks::floor_answers(data.task(), data.training_rows(file.name).rows, rows);
    results.push_back({.split = split_of(file),
                       .accuracy = confusion_of(answers, rows, data.task().num_classes()).accuracy()});
  }
  return results;
}

}  // namespace tandem::adapt
