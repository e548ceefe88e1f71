// SPDX-License-Identifier: Apache-2.0
#include "tandem/adapt/summary.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "tandem/base/atomic_file.h"
#include "tandem/base/json_members.h"
#include "tandem/checkpoint/stored_json.h"

namespace tandem::adapt {
namespace {

using nlohmann::json;

constexpr const char* kFewAll = "few_all";
constexpr size_t kMaxBytes = size_t{16} << 20;

double mean_of(const std::vector<double>& values) { return spread_of(values).mean; }

void add_result(Summary& summary, const Job& job, const std::string& task) {
  const std::string place = job.result().string();
  const json root = checkpoint::parse_stored_json(read_file(place), place, kMaxBytes);
  JsonMembers members(root, place, JsonWriter::kTandem);
  const auto add = [&](const std::string& method, double accuracy) {
    summary.reached[method][task].by_split[job.split].push_back(accuracy);
  };
  add(std::string(name_of(job.method)), members.number("accuracy"));
  add("majority", members.number("majority"));
  for (const json& entry : members.array("floor")) {
    JsonMembers floor(entry, place + ": floor", JsonWriter::kTandem);
    if (floor.text("split") == job.split) add("characters", floor.number("accuracy"));
  }
}

void settle(Reached& reached) {
  std::vector<double> splits;
  for (const auto& [split, accuracies] : reached.by_split) {
    if (split == kFewAll)
      reached.few_all = mean_of(accuracies);
    else
      splits.push_back(mean_of(accuracies));
  }
  reached.splits = spread_of(splits);
}

}  // namespace

Summary summary_of(const JobPlan& plan) {
  Summary summary;
  for (const PlannedTask& task : plan.tasks) summary.tasks.push_back(name_of(task));
  for (const Job& job : jobs_of(plan)) {
    ++summary.jobs;
    if (!job.is_done()) continue;
    ++summary.done;
    add_result(summary, job, name_of(job.task));
  }
  for (auto& [method, tasks] : summary.reached)
    for (auto& [task, reached] : tasks) settle(reached);
  return summary;
}

}  // namespace tandem::adapt
