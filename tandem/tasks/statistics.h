// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tandem/tasks/rows.h"
#include "tandem/tasks/task.h"
#include "tandem/tasks/task_data.h"

namespace tandem::tasks {

/// How long texts are, in characters (code points), all inputs of a row together, gap marks included.
struct Lengths {
  double median = 0;
  int64_t percentile_99 = 0;  ///< the smallest that 99 % of the rows do not exceed
  int64_t longest = 0;
};

/// What a file's rows are like.
struct FileFigures {
  int64_t rows = 0;
  int64_t texts = 0;            ///< that differ
  int64_t repeated_ids = 0;     ///< ids that more than one row has
  std::vector<int64_t> labels;  ///< rows of each label; empty for a file without answers
  Lengths lengths;

  /// Returns the share of the commonest label: what answering with it always would score.
  double majority() const;
};

FileFigures figures_of(const Task& task, FileRole role, const Rows& rows);

/// Two files of a task with texts in common.
struct Overlap {
  std::string first, second;
  int64_t texts = 0;  ///< that differ, at least 1
};

/// Compares all files that the folder holds with each other, in the task's order.
std::vector<Overlap> overlaps_in(TaskData& data);

}  // namespace tandem::tasks
