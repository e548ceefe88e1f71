// SPDX-License-Identifier: Apache-2.0
#include "tandem/adapt/tuning_record.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/base/json_members.h"
#include "tandem/checkpoint/step_folders.h"
#include "tandem/checkpoint/stored_json.h"

namespace tandem::adapt {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using nlohmann::ordered_json;

constexpr size_t kMaxBytes = size_t{16} << 20;

DevResult result_in(JsonMembers members) {
  DevResult result{
      .step = members.integer("step"), .accuracy = members.number("accuracy"), .by_task = {}, .loss = {}};
  JsonMembers by_task(members.object("by_task"), members.place() + ": by_task", JsonWriter::kTandem);
  for (const auto& [task, unused] : members.object("by_task").items())
    result.by_task[task] = by_task.number(task);
  if (members.find("loss") != nullptr) result.loss = members.number("loss");
  members.finish();
  return result;
}

TunedTask task_in(JsonMembers members) {
  TunedTask task{.task = members.text("task"), .split = members.text("split"), .patterns = {}};
  for (const json& pattern : members.array("patterns")) {
    if (!pattern.is_string()) members.refuse("'patterns' are not texts");
    task.patterns.push_back(pattern.get<std::string>());
  }
  members.finish();
  return task;
}

TuningRecord read(const fs::path& path) {
  const std::string place = path.string();
  const json root = checkpoint::parse_stored_json(read_file(place), place, kMaxBytes);
  JsonMembers members(root, place, JsonWriter::kTandem);
  TuningRecord record{.start_from = members.text("start_from"), .tasks = {}, .results = {}, .chosen = {}};
  for (const json& entry : members.array("tasks"))
    record.tasks.push_back(task_in({entry, place + ": tasks", JsonWriter::kTandem}));
  for (const json& entry : members.array("results"))
    record.results.push_back(result_in({entry, place + ": results", JsonWriter::kTandem}));
  if (members.find("chosen") != nullptr) record.chosen = members.integer("chosen");
  members.finish();
  return record;
}

}  // namespace

const TunedTask* TuningRecord::find(const std::string& task) const {
  const auto found = std::ranges::find(tasks, task, &TunedTask::task);
  return found == tasks.end() ? nullptr : &*found;
}

const DevResult& best_of(const std::vector<DevResult>& results) {
  const auto worse = [](const DevResult& a, const DevResult& b) {
    if (a.accuracy != b.accuracy) return a.accuracy < b.accuracy;
    return a.loss && b.loss && *a.loss > *b.loss;
  };
  TANDEM_CHECK(!results.empty(), "no results to choose from");
  return *std::ranges::max_element(results, worse);
}

void write_tuning_record(const fs::path& run, const TuningRecord& record) {
  ordered_json root{{"start_from", record.start_from},
                    {"tasks", ordered_json::array()},
                    {"results", ordered_json::array()}};
  for (const TunedTask& task : record.tasks)
    root["tasks"].push_back({{"task", task.task}, {"split", task.split}, {"patterns", task.patterns}});
  for (const DevResult& result : record.results) {
    ordered_json entry{{"step", result.step}, {"accuracy", result.accuracy}, {"by_task", result.by_task}};
    if (result.loss) entry["loss"] = *result.loss;
    root["results"].push_back(std::move(entry));
  }
  if (record.chosen) root["chosen"] = *record.chosen;
  write_file_atomically((run / TuningRecord::kFileName).string(), root.dump(2) + "\n");
}

std::optional<TuningRecord> read_tuning_record(const fs::path& run) {
  const fs::path path = run / TuningRecord::kFileName;
  std::error_code ignored;
  return fs::exists(path, ignored) ? std::optional(read(path)) : std::nullopt;
}

std::optional<TuningRecord> tuning_of_step(const fs::path& step_folder) {
  const fs::path path = checkpoint::beside_step(step_folder, TuningRecord::kFileName);
  return path.empty() ? std::nullopt : std::optional(read(path));
}

}  // namespace tandem::adapt
