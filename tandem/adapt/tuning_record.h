// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tandem::adapt {

/// How good a step of a tuning was on the rows that it is chosen by.
struct DevResult {
  int64_t step = 0;
  double accuracy = 0;                    ///< the mean over the tasks
  std::map<std::string, double> by_task;  ///< each task's
  std::optional<double> loss;             ///< held-out, where the step was evaluated

  bool operator==(const DevResult&) const = default;
};

/// A task that a run was tuned on.
struct TunedTask {
  std::string task;
  std::string split;
  std::vector<std::string> patterns;  ///< see RecipeTask

  bool operator==(const TunedTask&) const = default;
};

/// What a run's folder says of the tuning that it holds: task.json.
struct TuningRecord {
  static constexpr const char* kFileName = "task.json";

  std::string start_from;
  std::vector<TunedTask> tasks;
  std::vector<DevResult> results;  ///< by step; empty until training is done
  std::optional<int64_t> chosen;   ///< the step that stays

  bool operator==(const TuningRecord&) const = default;
  /// Returns how the run was tuned for a task; null where it was not.
  const TunedTask* find(const std::string& task) const;
};

/// Returns the step with the highest accuracy, of equal ones that with the lowest loss, then the first.
/// `results` is not empty.
const DevResult& best_of(const std::vector<DevResult>& results);

void write_tuning_record(const std::filesystem::path& run, const TuningRecord& record);

/// Reads a folder's task.json; nothing where it has none. EnvironmentError for one that nobody could have
/// written so.
std::optional<TuningRecord> read_tuning_record(const std::filesystem::path& run);

/// Returns the record of the run that a step belongs to: in the step's folder or up to two above.
std::optional<TuningRecord> tuning_of_step(const std::filesystem::path& step_folder);

}  // namespace tandem::adapt
