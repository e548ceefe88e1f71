// SPDX-License-Identifier: Apache-2.0
// What a save that is cut off anywhere leaves, by a killed process or a loss of power.
#include <cstdio>
#include <string>

#include <gtest/gtest.h>

#include "crash_states.h"
#include "dated_steps.h"
#include "scratch_folder.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/names.h"
#include "tandem/checkpoint/retention.h"
#include "tandem/checkpoint/run_folder.h"

namespace tandem::checkpoint {
namespace {

namespace fs = std::filesystem;
using Marks = std::vector<std::string>;

constexpr int kDraws = 9;

// Saves a step and marks when that was begun, and when it was reported.
void save_marked(const fs::path& folder, int64_t step, Recorder& recorder) {
  recorder.mark("begun " + std::to_string(step));
  save_dated(folder, step);
  recorder.mark("saved " + std::to_string(step));
}

// What may be found: the last step that was reported, `first` before any was; or one that was begun after it.
ExpectedSteps expected_after(const Marks& marks, std::set<int64_t> first) {
  ExpectedSteps expected{.newest = std::move(first)};
  expected.may_be_none = expected.newest.empty();
  for (const std::string& mark : marks) {
    if (mark.starts_with("begun ")) expected.newest.insert(std::stoll(mark.substr(6)));
    if (mark.starts_with("saved ")) expected = {.newest = {std::stoll(mark.substr(6))}};
  }
  return expected;
}

void show(const CrashCounts& counts) {
  testing::Test::RecordProperty("states", counts.distinct);
  std::printf("%d operations, %d states drawn, %d of them distinct\n", counts.operations, counts.drawn,
              counts.distinct);
}

TEST(PowerLossInASave, GivesTheOldStepOrTheNewOne) {
  show(explore({.before =
                    [](const fs::path& root) {
                      save_dated(root, 1);
                      // What an interrupted save, an interrupted removal and a damaged step left.
                      fs::copy(root / step_folder_name(1), root / unfinished_folder_name(2, 2));
                      fs::copy(root / step_folder_name(1), root / removed_folder_name("step_00000000"));
                      fs::copy(root / step_folder_name(1), root / "void_step_00000001_0");
                      fs::remove(root / "void_step_00000001_0" / Manifest::kFileName);
                    },
                .action = [](const fs::path& root, Recorder& recorder) { save_marked(root, 2, recorder); },
                .flaw = [](const fs::path& root,
                           const Marks& marks) { return flaw_of_steps(root, expected_after(marks, {1})); }},
               kDraws, 1));
}

TEST(PowerLossInASave, OfAStepThatWasDamagedGivesTheOneBeforeOrTheNewOne) {
  show(explore({.before =
                    [](const fs::path& root) {
                      save_dated(root, 1);
                      save_dated(root, 2);
                      fs::resize_file(root / step_folder_name(2) / Manifest::kFileName, 100);
                    },
                .action = [](const fs::path& root, Recorder& recorder) { save_marked(root, 2, recorder); },
                .flaw =
                    [](const fs::path& root, const Marks& marks) {
                      ExpectedSteps expected = expected_after(marks, {1});
                      expected.has_damaged = expected.newest.contains(1);
                      return flaw_of_steps(root, expected);
                    }},
               kDraws, 2));
}

TEST(PowerLossInARun, LosesNoStepThatWasReported) {
  show(explore({.action =
                    [](const fs::path& root, Recorder& recorder) {
                      const RunFolder run = RunFolder::open(root / "runs" / "first");
                      for (const int64_t step : {1, 2})
                        save_marked(root / "runs" / "first" / "checkpoints", step, recorder);
                    },
                .flaw =
                    [](const fs::path& root, const Marks& marks) {
                      return flaw_of_steps(root / "runs" / "first" / "checkpoints",
                                           expected_after(marks, {}));
                    }},
               kDraws, 3));
}

TEST(PowerLossInARemoval, LeavesTheNewestStep) {
  show(explore({.before = [](const fs::path& root) { save_dated(root, 1); },
                .action =
                    [](const fs::path& root, Recorder& recorder) {
                      for (const int64_t step : {2, 3}) {
                        save_marked(root, step, recorder);
                        apply_retention(root, {.newest = 1}, {step});
                      }
                    },
                .flaw = [](const fs::path& root,
                           const Marks& marks) { return flaw_of_steps(root, expected_after(marks, {1})); }},
               kDraws, 4));
}

}  // namespace
}  // namespace tandem::checkpoint
