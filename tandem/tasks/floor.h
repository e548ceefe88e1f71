// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "tandem/tasks/rows.h"
#include "tandem/tasks/task.h"

namespace tandem::tasks {

/// Answers rows as the task's floor says, learned from training rows alone: what a model must beat to have
/// understood anything. By characters: naive Bayes over the single characters and pairs of neighbours that
/// training has seen, each counted as often as it occurs, 0.1 added to each count. By overlap: the shared
/// share of the characters (Jaccard) of two inputs against the threshold that is right most often in
/// training, of equals the lowest. Of equal labels the first is answered. Needs task.floor (BugError).
std::vector<size_t> floor_answers(const Task& task, const std::vector<Row>& training,
                                  const std::vector<Row>& rows);

}  // namespace tandem::tasks
