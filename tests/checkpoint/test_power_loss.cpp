// SPDX-License-Identifier: Apache-2.0
// What is found after a process that changed a folder of steps was cut off anywhere, or the power was lost.
#include <cstdio>

#include <gtest/gtest.h>

#include "saving_scenarios.h"

namespace tandem::checkpoint {
namespace {

constexpr int kDraws = 14;

class PowerLossIn : public testing::TestWithParam<Scenario> {};

TEST_P(PowerLossIn, AnyOperationLeavesTheOldOrTheNew) {
  const CrashCounts counts = explore(GetParam(), kDraws, 4);
  RecordProperty("states", counts.distinct);
  std::printf("%d operations, %d states drawn, %d of them distinct\n", counts.operations, counts.drawn,
              counts.distinct);
  EXPECT_GT(counts.distinct, counts.operations);
}

INSTANTIATE_TEST_SUITE_P(Scenarios, PowerLossIn, testing::ValuesIn(saving_scenarios()),
                         [](const auto& scenario) { return scenario.param.name; });

}  // namespace
}  // namespace tandem::checkpoint
