// SPDX-License-Identifier: Apache-2.0
#include <csignal>

#include <gtest/gtest.h>

#include "tandem/launch/verdict.h"

namespace tandem::launch {
namespace {

TEST(FirstCause, RankThatLostAPeerIsNotBlamedBeforeThePeer) {
  const std::vector<RankEnding> failures = {{.rank = 1, .ending = {.exit_code = 3}},
                                            {.rank = 2, .ending = {.signal = SIGKILL}},
                                            {.rank = 0, .ending = {.exit_code = 70}}};
  EXPECT_EQ(first_cause(failures)->rank, 2);
}

TEST(FirstCause, FirstIsBlamedIfAllLostSomething) {
  EXPECT_EQ(
      first_cause({{.rank = 1, .ending = {.exit_code = 3}}, {.rank = 0, .ending = {.exit_code = 3}}})->rank,
      1);
  EXPECT_FALSE(first_cause({}));
}

TEST(MayBeTheCause, WhatEndsOtherwiseAfterRanksThatLostAPeer) {
  const std::vector<RankEnding> lost = {{.rank = 1, .ending = {.exit_code = 3}},
                                        {.rank = 2, .ending = {.exit_code = 3}}};
  EXPECT_TRUE(may_be_the_cause({.exit_code = 70}, lost));
  EXPECT_TRUE(may_be_the_cause({.signal = SIGSEGV}, lost));
  for (const Ending& follower : {Ending{.exit_code = 3}, Ending{.signal = SIGTERM}, Ending{.signal = SIGKILL},
                                 Ending{.exit_code = 128 + SIGTERM}, Ending{}})
    EXPECT_FALSE(may_be_the_cause(follower, lost)) << describe(follower);
}

TEST(MayBeTheCause, NothingOnceACauseIsKnownOrWithoutAFailure) {
  const std::vector<RankEnding> known = {{.rank = 1, .ending = {.exit_code = 3}},
                                         {.rank = 2, .ending = {.exit_code = 2}}};
  EXPECT_FALSE(may_be_the_cause({.exit_code = 70}, known));
  EXPECT_FALSE(may_be_the_cause({.exit_code = 70}, {}));
}

TEST(FailedLaunch, RankItsEndAndItsWordsAreToldAndItsCodeIsTaken) {
  const LaunchResult result =
      failed_launch({.rank = 2, .ending = {.exit_code = 17}, .last_words = "error: no such file"});
  EXPECT_EQ(result.exit_code, 17);
  EXPECT_EQ(result.message, "rank 2 failed with exit code 17: no such file");
}

TEST(FailedLaunch, SignalIsNamedAndIsExitCodeThree) {
  const LaunchResult result = failed_launch({.rank = 0, .ending = {.signal = SIGSEGV}});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.message, "rank 0 failed with signal 11 (SIGSEGV)");
}

TEST(SignalledLaunch, PreemptedRankIsQuotedBeforeOneThatTheSignalKilled) {
  const LaunchResult result = signalled_launch(
      SIGTERM, {{.rank = 0, .ending = {.signal = SIGTERM}},
                {.rank = 1, .ending = {.exit_code = 3}, .last_words = "error: preempted at step 7"}});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.message, "stopped by SIGTERM; rank 1 ended with exit code 3: preempted at step 7");
}

TEST(SignalledLaunch, RanksThatWereDoneAnywayAreASuccess) {
  EXPECT_EQ(signalled_launch(SIGINT, {{.rank = 0}, {.rank = 1}}).exit_code, 0);
}

}  // namespace
}  // namespace tandem::launch
