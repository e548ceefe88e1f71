// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "tandem/adapt/answering.h"
#include "tandem/tasks/confusion.h"
#include "tandem/tasks/task_data.h"

namespace tandem::adapt {

/// Returns the best answer of each row.
std::vector<size_t> answers_of(const std::vector<AnswerScores>& scores, ScoreForm form);

/// Returns how answers compare with the rows' labels, which must be there.
tasks::Confusion confusion_of(const std::vector<size_t>& answers, const std::vector<tasks::Row>& rows,
                              size_t num_classes);

/// What characters alone reach on the rows, learned from the training file of each split there is.
struct FloorResult {
  std::string split;  ///< of the training file: "0", …, "few_all", or ""
  double accuracy = 0;
};

/// Measures the floor of every split whose training file the folder holds; empty for a task without a floor.
/// Throws as TaskData does.
std::vector<FloorResult> floor_results(tasks::TaskData& data, const std::vector<tasks::Row>& rows);

}  // namespace tandem::adapt
