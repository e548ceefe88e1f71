// SPDX-License-Identifier: Apache-2.0
#include "tandem/adapt/jobs.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tandem/base/atomic_file.h"
#include "tandem/base/strict_json.h"
#include "tandem/tasks/phrasing.h"
#include "tandem/tasks/user_members.h"

namespace tandem::adapt {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using tasks::UserMembers;

constexpr std::array kMethods{
    tasks::Choice<Method>{"plain", Method::kPlain}, tasks::Choice<Method>{"pattern", Method::kPattern},
    tasks::Choice<Method>{"pet", Method::kPet}, tasks::Choice<Method>{"ipet", Method::kIpet}};

// By how much more texts each generation of iPET labels than the one before (arXiv 2001.07676, section 3.4).
constexpr int64_t kGrowth = 5;
constexpr int64_t kMostGenerations = 100;

std::vector<int64_t> seeds_in(UserMembers& members) {
  std::vector<int64_t> seeds;
  for (const json& seed : members.array("seeds")) {
    if (!seed.is_number_unsigned()) members.refuse("'seeds' are not whole numbers from 0 on");
    seeds.push_back(seed.get<int64_t>());
  }
  if (seeds.empty()) members.refuse("'seeds' is empty");
  return seeds;
}

std::vector<PlannedTask> tasks_in(UserMembers& members, const fs::path& folder) {
  std::vector<PlannedTask> tasks;
  for (const json& entry : members.array("tasks")) {
    UserMembers one(entry, fmt::format("{}: tasks[{}]", members.place(), tasks.size()));
    tasks.push_back({.task = one.short_text("task"),
                     .data = folder / one.short_text("data"),
                     .pattern = one.optional_text("pattern")});
    one.finish();
  }
  if (tasks.empty()) members.refuse("'tasks' is empty");
  return tasks;
}

class Steps {
 public:
  Steps(const Job& job, const JobPlan& plan) : job_(job), plan_(plan) {}

  void train(const std::string& pattern, const fs::path& run, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{
        "task",     "train",      "--task",   job_.task.task,           "--data",
        data(),     "--split",    job_.split, "--checkpoint",           base(),
        "--output", run.string(), "--seed",   std::to_string(job_.seed)};
    if (!pattern.empty()) arguments.insert(arguments.end(), {"--pattern", pattern});
    arguments.insert(arguments.end(), more.begin(), more.end());
    arguments.insert(arguments.end(), plan_.settings.begin(), plan_.settings.end());
    steps_.push_back({.arguments = std::move(arguments), .output = {}});
  }

  void label(const std::vector<fs::path>& runs, const fs::path& soft, std::optional<int64_t> rows) {
    std::vector<std::string> arguments{"task",   "label", "--task",   job_.task.task,
                                       "--data", data(),  "--output", soft.string()};
    if (!job_.task.pattern.empty()) arguments.insert(arguments.end(), {"--pattern", job_.task.pattern});
    if (rows) arguments.insert(arguments.end(), {"--rows", std::to_string(*rows)});
    for (const fs::path& run : runs) arguments.insert(arguments.end(), {"--checkpoint", run.string()});
    steps_.push_back({.arguments = std::move(arguments), .output = {}});
  }

  void evaluate(const fs::path& run) {
    steps_.push_back({.arguments = {"task", "evaluate", "--task", job_.task.task, "--data", data(),
                                    "--checkpoint", run.string(), "--file", plan_.file, "--json"},
                      .output = job_.result()});
  }

  // A model in each pattern, in a folder, tuned on the labelled rows; and, given the models of the patterns
  // from before, on so many unlabeled ones that those of the other patterns label. Returns the models' runs.
  std::vector<fs::path> train_patterns(const std::vector<std::string>& patterns, const fs::path& folder,
                                       const std::vector<fs::path>& before = {}, int64_t rows = 0) {
    std::vector<fs::path> runs;
    for (size_t i = 0; i < patterns.size(); ++i) {
      runs.push_back(folder / patterns[i]);
      if (before.empty()) {
        train(patterns[i], runs.back());
        continue;
      }
      std::vector<fs::path> others = before;
      if (others.size() > 1) others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
      train_on_labels_of(others, folder.string() + "_" + patterns[i] + ".jsonl", rows, patterns[i],
                         runs.back());
    }
    return runs;
  }

  // Unlabeled texts labelled by some models, and a model tuned on them and the labelled rows.
  void train_on_labels_of(const std::vector<fs::path>& models, const fs::path& soft,
                          std::optional<int64_t> rows, const std::string& pattern, const fs::path& run) {
    label(models, soft, rows);
    train(pattern, run, {"--soft", soft.string()});
  }

  std::vector<JobStep> take() && { return std::move(steps_); }

 private:
  std::string data() const { return job_.task.data.string(); }
  std::string base() const { return plan_.checkpoint.string(); }

  const Job& job_;
  const JobPlan& plan_;
  std::vector<JobStep> steps_;
};

// The last generation labels as many as are distilled.
int64_t rows_of_generation(const JobPlan& plan, int64_t generation) {
  int64_t rows = plan.pet_rows.value();
  for (int64_t later = generation; later < plan.generations; ++later) rows /= kGrowth;
  return std::max<int64_t>(1, rows);
}

}  // namespace

std::string_view name_of(Method method) {
  for (const auto& [name, value] : kMethods)
    if (value == method) return name;
  return "?";
}

bool needs_unlabeled(Method method) { return method == Method::kPet || method == Method::kIpet; }

std::string name_of(const PlannedTask& task) { return fs::path(task.task).stem().string(); }

JobPlan read_job_plan(const fs::path& path) {
  const json root = parse_strict_json(read_file(path.string()), path.string());
  UserMembers members(root, path.string());
  const fs::path folder = fs::absolute(path).parent_path();
  JobPlan plan{.checkpoint = folder / members.short_text("checkpoint"),
               .output = folder / members.short_text("output"),
               .tasks = tasks_in(members, folder),
               .splits = members.texts("splits"),
               .methods = members.choices("methods", kMethods),
               .settings = {},
               .pet_rows = {}};
  if (members.find("seeds") != nullptr) plan.seeds = seeds_in(members);
  if (members.find("file") != nullptr) plan.file = members.short_text("file");
  if (members.find("settings") != nullptr) plan.settings = members.texts("settings");
  if (members.find("pet_rows") != nullptr) plan.pet_rows = members.integer("pet_rows", {.minimum = 1});
  if (members.find("generations") != nullptr)
    plan.generations = members.integer("generations", {.minimum = 1, .maximum = kMostGenerations});
  if (!plan.pet_rows && std::ranges::count(plan.methods, Method::kIpet) > 0)
    members.refuse("method 'ipet' needs 'pet_rows', of which each generation labels a part");
  members.finish();
  return plan;
}

std::string Job::name() const {
  return fmt::format("{}/{}/{}/{}", name_of(method), name_of(task), split, seed);
}

bool Job::is_done() const {
  std::error_code ignored;
  return fs::exists(result(), ignored);
}

std::vector<Job> jobs_of(const JobPlan& plan) {
  std::vector<Job> jobs;
  for (const Method method : plan.methods)
    for (const PlannedTask& task : plan.tasks)
      for (const std::string& split : plan.splits)
        for (const int64_t seed : plan.seeds) {
          jobs.push_back({.method = method, .task = task, .split = split, .seed = seed, .folder = {}});
          jobs.back().folder = plan.output / jobs.back().name();
        }
  return jobs;
}

std::vector<JobStep> steps_of(const Job& job, const JobPlan& plan, const TaskFacts& task) {
  Steps steps(job, plan);
  const fs::path run = job.folder / "run";
  if (job.method == Method::kPlain) {
    steps.train(tasks::Phrasing::kPlain, run);
  } else if (!needs_unlabeled(job.method) || !task.has_unlabeled) {
    steps.train(job.task.pattern, run);
  } else {
    std::vector<fs::path> runs = steps.train_patterns(task.patterns, job.folder);
    if (job.method == Method::kIpet)
      for (int64_t generation = 1; generation <= plan.generations; ++generation)
        runs = steps.train_patterns(task.patterns, job.folder / fmt::format("generation_{}", generation),
                                    runs, rows_of_generation(plan, generation));
    steps.train_on_labels_of(runs, job.folder / "soft.jsonl", plan.pet_rows, job.task.pattern, run);
  }
  steps.evaluate(run);
  return std::move(steps).take();
}

}  // namespace tandem::adapt
