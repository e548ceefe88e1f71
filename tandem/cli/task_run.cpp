// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/task_run.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tandem/adapt/job_runner.h"
#include "tandem/adapt/summary.h"
#include "tandem/base/error.h"
#include "tandem/cli/output.h"
#include "tandem/cli/program_folder.h"
#include "tandem/cli/task_files.h"
#include "tandem/observe/progress.h"
#include "tandem/tasks/task_data.h"

namespace tandem::cli {
namespace {

using nlohmann::ordered_json;

struct RunOptions {
  std::string plan;
  size_t parallel = 0;
  size_t job = 0, jobs = 1;
  bool list = false;
  Output print;
};

adapt::TaskFacts facts_of(const adapt::PlannedTask& planned) {
  const tasks::Task task = load_task(planned.task);
  adapt::TaskFacts facts;
  for (const tasks::TaskPattern& pattern : task.patterns) facts.patterns.push_back(pattern.name);
  const tasks::TaskFile* unlabeled = task.unlabeled_file();
  facts.has_unlabeled = unlabeled != nullptr && tasks::holds(planned.data, *unlabeled);
  return facts;
}

// The jobs that are this process's part and not done yet.
std::vector<adapt::RunnableJob> jobs_to_run(const RunOptions& options, const adapt::JobPlan& plan) {
  std::map<std::string, adapt::TaskFacts> facts;
  std::vector<adapt::RunnableJob> jobs;
  size_t number = 0;
  for (const adapt::Job& job : adapt::jobs_of(plan)) {
    if (number++ % options.jobs != options.job || job.is_done()) continue;
    const auto [task, is_new] = facts.try_emplace(job.task.task);
    if (is_new) task->second = facts_of(job.task);
    jobs.push_back({.job = job, .steps = adapt::steps_of(job, plan, task->second)});
  }
  for (const adapt::PlannedTask& task : plan.tasks)
    if (std::ranges::any_of(plan.methods, adapt::needs_unlabeled) && facts.contains(task.task) &&
        !facts.at(task.task).has_unlabeled)
      observe::standard_error().print(fmt::format(
          "warning: {} holds no unlabeled texts of {}: pet and ipet stop at the model of one pattern",
          task.data.string(), adapt::name_of(task)));
  return jobs;
}

ordered_json summary_json(const adapt::Summary& summary) {
  ordered_json results = ordered_json::object();
  for (const auto& [method, by_task] : summary.reached)
    for (const auto& [task, reached] : by_task) {
      ordered_json entry{
          {"mean", reached.splits.mean}, {"spread", reached.splits.deviation}, {"few_all", nullptr}};
      if (reached.few_all) entry["few_all"] = *reached.few_all;
      entry["by_split"] = reached.by_split;
      results[method][task] = std::move(entry);
    }
  return {{"jobs", summary.jobs}, {"done", summary.done}, {"tasks", summary.tasks}, {"results", results}};
}

std::string cell(const adapt::Reached& reached) {
  std::string text;
  if (reached.by_split.size() > (reached.few_all ? 1u : 0u))
    text = fmt::format("{:.1f} ({:.1f})", 100 * reached.splits.mean, 100 * reached.splits.deviation);
  if (reached.few_all) text += fmt::format("{}{:.1f}", text.empty() ? "" : " / ", 100 * *reached.few_all);
  return text;
}

void print_summary(const adapt::Summary& summary) {
  std::vector<std::vector<std::string>> table{{"accuracy %: splits (spread) / few_all"}};
  table[0].insert(table[0].end(), summary.tasks.begin(), summary.tasks.end());
  table[0].emplace_back("mean");
  for (const auto& [method, by_task] : summary.reached) {
    table.push_back({method});
    double sum = 0;
    for (const std::string& task : summary.tasks) {
      const auto found = by_task.find(task);
      table.back().push_back(found == by_task.end() ? "-" : cell(found->second));
      if (found != by_task.end()) sum += found->second.splits.mean;
    }
    const bool has_all = by_task.size() == summary.tasks.size();
    table.back().push_back(has_all ? fmt::format("{:.1f}", 100 * sum / static_cast<double>(by_task.size()))
                                   : "-");
  }
  print_table(table);
  fmt::print("{} of {} jobs are done\n", summary.done, summary.jobs);
}

void list_jobs(const adapt::JobPlan& plan, const Output& print) {
  ordered_json jobs = ordered_json::array();
  for (const adapt::Job& job : adapt::jobs_of(plan))
    jobs.push_back({{"number", jobs.size()}, {"job", job.name()}, {"done", job.is_done()}});
  if (print.json) return print_json(jobs);
  for (const ordered_json& job : jobs)
    fmt::print("{:>4}  {}{}\n", job["number"].dump(), job["job"].get<std::string>(),
               job["done"].get<bool>() ? "  done" : "");
}

void run_missing(const RunOptions& options, const adapt::JobPlan& plan) {
  const std::vector<adapt::RunnableJob> jobs = jobs_to_run(options, plan);
  const size_t cores = std::max(1u, std::thread::hardware_concurrency());
  const size_t parallel = options.parallel > 0 ? options.parallel : cores;
  observe::Progress progress(observe::standard_error(),
                             {.label = "jobs", .total = std::ssize(jobs), .unit = "jobs"});
  int64_t done = 0;
  const std::vector<std::string> failed = adapt::run_jobs(
      jobs, {.program = (program_folder() / "tandem").string(),
             .parallel = parallel,
             .threads = std::max<size_t>(1, cores / parallel),
             .ended = [&](const adapt::Job& job, bool well) {
               progress.update({.done = ++done});
               if (!well)
                 observe::standard_error().print(fmt::format("warning: {} failed; see {}", job.name(),
                                                             (job.folder / "log.txt").string()));
             }});
  progress.finish();
  if (!failed.empty())
    throw EnvironmentError("{} of {} jobs failed, the first {}; their log.txt says why", failed.size(),
                           jobs.size(), failed.front());
}

int run(const RunOptions& options) {
  if (options.job >= options.jobs)
    throw InputError("--job {} is not below --jobs {}; jobs count from 0", options.job, options.jobs);
  const adapt::JobPlan plan = adapt::read_job_plan(options.plan);
  if (options.list) return list_jobs(plan, options.print), 0;
  run_missing(options, plan);
  const adapt::Summary summary = adapt::summary_of(plan);
  options.print.json ? print_json(summary_json(summary)) : print_summary(summary);
  return 0;
}

}  // namespace

void register_task_run(CLI::App& parent, Actions& actions) {
  const auto options = std::make_shared<RunOptions>();
  CLI::App* app = parent.add_subcommand(
      "run", "Tune and evaluate on many tasks, splits and seeds; goes on where it stopped; one summary");
  app->add_option("--plan", options->plan, "which jobs: see docs/formats.md, Plans of jobs")
      ->required()
      ->type_name("FILE");
  app->add_option("--parallel", options->parallel, "jobs at once; default: as many as cores")
      ->check(CLI::Range(1, 4096));
  app->add_option("--job", options->job, "only the jobs whose number is this, modulo --jobs: for job arrays");
  app->add_option("--jobs", options->jobs, "how many such parts there are")->check(CLI::Range(1, 1'000'000));
  app->add_flag("--list", options->list, "show the jobs and which are done; run nothing");
  options->print.add_to(*app);
  actions.add(*app, [options] { return run(*options); });
}

}  // namespace tandem::cli
