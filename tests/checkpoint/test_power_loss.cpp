// SPDX-License-Identifier: Apache-2.0
// What is found after a process that changed a folder of steps was cut off anywhere, or the power was lost.
#include <cstdint>
#include <cstdio>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "dated_steps.h"
#include "power_loss.h"
#include "recorder.h"
#include "saving_scenarios.h"
#include "scratch_folder.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/run_folder.h"

namespace tandem::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr int kDraws = 12;

class PowerLossIn : public testing::TestWithParam<Scenario> {};

TEST_P(PowerLossIn, AnyOperationLeavesTheOldOrTheNew) {
  const CrashCounts counts = explore(GetParam(), kDraws, 4);
  RecordProperty("states", counts.distinct);
  std::printf("%d operations, %d states drawn, %d of them distinct\n", counts.operations, counts.drawn,
              counts.distinct);
  EXPECT_GT(counts.distinct, counts.operations);
}

// A process ends in its first save; the next one saves; then the power is lost. What the first had not made
// durable, the second must, though it finds it there.
TEST(PowerLossAfterARestart, LosesNoStepThatWasReported) {
  std::mt19937_64 random(6);
  std::set<std::string> seen;
  bool is_cut = true;
  for (size_t end = 0; is_cut; ++end) {
    const ScratchFolder scratch(memory_folder());
    const fs::path root = scratch / "disk", steps = root / "run" / "checkpoints";
    fs::create_directory(root);
    Recorder recorder(root);
    recorder.fail_after(end);
    is_cut = attempt([&] {
               RunFolder::open(root / "run");
               save_dated(steps, 1);
             }).has_value();
    recorder.fail_after(SIZE_MAX);
    RunFolder::open(root / "run");
    save_dated(steps, 2);
    const DiskHistory history = recorder.finish();
    fs::remove_all(root);
    const PowerLoss loss(history, history.operations.size());
    for (int way = 0; way < PowerLoss::kWays; ++way) {
      const Disk disk = loss.draw(way, random);
      if (!seen.insert(disk.to_text()).second) continue;
      disk.write_to(root);
      ASSERT_EQ(flaw_of_steps(steps, {.newest = {2}}), "") << "cut after " << end << ", way " << way;
      fs::remove_all(root);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Scenarios, PowerLossIn, testing::ValuesIn(saving_scenarios()),
                         [](const auto& scenario) { return scenario.param.name; });

}  // namespace
}  // namespace tandem::checkpoint
