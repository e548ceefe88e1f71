// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tandem/adapt/recipe.h"

namespace tandem::adapt {

/// How a task is learned.
enum class Method {
  kPlain,    ///< without a pattern: the control
  kPattern,  ///< in one pattern
  kPet,      ///< in each pattern; what those models say of unlabeled texts, distilled into one
  kIpet,     ///< as kPet, but first each pattern's model again and again from what the others say
};
std::string_view name_of(Method method);
/// Tells whether a method learns from unlabeled texts.
bool needs_unlabeled(Method method);

/// A task of a plan.
struct PlannedTask {
  std::string task;  ///< name or file
  std::filesystem::path data;
  std::string pattern;  ///< of kPattern, and that kPet's model is asked in; empty: the task's first
};

/// Returns the name that a task's results go by: its own, or its file's without folder and ending.
std::string name_of(const PlannedTask& task);

/// A campaign: each task learned from one checkpoint in some ways, on some splits, with some seeds.
struct JobPlan {
  std::filesystem::path checkpoint, output;
  std::vector<PlannedTask> tasks;
  std::vector<std::string> splits;
  std::vector<int64_t> seeds{1};
  std::vector<Method> methods;
  std::string file = "test_public";   ///< what the results are measured on
  std::vector<std::string> settings;  ///< arguments for each `task train`
  std::optional<int64_t> pet_rows;    ///< unlabeled texts that kPet labels, the first; none: all
  int64_t generations = 3;            ///< of kIpet; each labels five times as many texts as the one before
};

/// Reads a plan (docs/formats.md, "Plans of jobs"); relative paths are seen from its own folder. Throws
/// InputError that names the file and the member.
JobPlan read_job_plan(const std::filesystem::path& path);

/// One unit of work: independent of all others, done once its result is there.
struct Job {
  Method method = Method::kPattern;
  PlannedTask task;
  std::string split;
  int64_t seed = 1;
  std::filesystem::path folder;

  /// Returns "method/task/split/seed".
  std::string name() const;
  /// Returns the file that `task evaluate` makes last.
  std::filesystem::path result() const { return folder / "result.json"; }
  bool is_done() const;
};

/// Returns all jobs of a plan, in an order of its own: methods, then tasks, then splits, then seeds.
std::vector<Job> jobs_of(const JobPlan& plan);

/// A program's arguments, without its own path; its standard output goes to a file where one is named.
struct JobStep {
  std::vector<std::string> arguments;
  std::filesystem::path output;
};

/// What a job's steps depend on beside its plan.
struct TaskFacts {
  std::vector<std::string> patterns;  ///< names of all
  bool has_unlabeled = false;         ///< without, a method that needs unlabeled texts is kPattern
};

/// Returns what a job runs, one after the other; each step that was done before finds that out by itself.
std::vector<JobStep> steps_of(const Job& job, const JobPlan& plan, const TaskFacts& task);

}  // namespace tandem::adapt
