// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "tandem/tasks/task.h"
#include "tandem/tasks/task_data.h"

namespace tandem::cli {

/// Describes a task: name, summary, metric, classes, labels (null with candidates), inputs, patterns with the
/// words of each label, files, submission.
nlohmann::ordered_json describe_task(const tasks::Task& task);

/// Describes a task's folder: task, folder, metric, classes, missing files; of each file its rows, texts,
/// repeated ids, labels, majority and lengths; overlaps; what of the unlabeled texts is dropped and kept; an
/// example for each pattern. Reads all of it: throws as TaskData does, also for a training file that is a
/// test file.
nlohmann::ordered_json describe_task_data(tasks::TaskData& data);

}  // namespace tandem::cli
