// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/launch/restart_policy.h"

namespace tandem::launch {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

Incarnation failure(int exit_code = 3) {
  return {.result = {.exit_code = exit_code, .message = "rank 1 failed"}, .outcome = Outcome::kFailed};
}

Incarnation failure_after(int64_t step) {
  Incarnation incarnation = failure();
  incarnation.committed = step;
  return incarnation;
}

RestartPolicy policy_of(int max_restarts) { return {{.max_restarts = max_restarts}, 7}; }

/// Counts restarts until the policy ends the launch; `next` says why it did.
int restarts_of(RestartPolicy& policy, const Incarnation& repeated, Next& next) {
  for (int count = 0; count < 1000; ++count)
    if ((next = policy.decide(repeated).next) != Next::kRestart) return count;
  return -1;
}

TEST(BackOff, DoublesUpToTheLongest) {
  std::vector<int64_t> delays;
  for (int row = 0; row < 9; ++row) delays.push_back(back_off({}, row, 0).count());
  EXPECT_THAT(delays, testing::ElementsAre(1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000));
  EXPECT_EQ(back_off({}, 1'000'000, 0), milliseconds(60'000));
}

TEST(BackOff, JitterMakesItAtMostAQuarterLonger) {
  EXPECT_EQ(back_off({}, 2, 0.5), milliseconds(4500));
  EXPECT_EQ(back_off({}, 20, 0.5), milliseconds(67'500));
  std::set<int64_t> seen;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    RestartPolicy policy({.max_restarts = 1}, seed);
    const milliseconds delay = policy.decide(failure()).delay;
    EXPECT_GE(delay, milliseconds(1000));
    EXPECT_LT(delay, milliseconds(1250));
    seen.insert(delay.count());
  }
  EXPECT_GT(seen.size(), 50u);
}

TEST(RestartPolicy, SameSeedAndHistoryGiveTheSameDelays) {
  RestartPolicy first = policy_of(3), second = policy_of(3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(first.decide(failure()).delay, second.decide(failure()).delay);
}

TEST(RestartPolicy, WithoutRestartsAFailureEndsTheLaunchAsItIs) {
  RestartPolicy policy = policy_of(0);
  const RestartDecision decision = policy.decide(failure(17));
  EXPECT_EQ(decision.next, Next::kNoRestartLeft);
  const LaunchResult result = final_result(failure(17), decision.next, policy);
  EXPECT_EQ(result.exit_code, 17);
  EXPECT_EQ(result.message, "rank 1 failed");
}

TEST(RestartPolicy, EveryFailureButExitCodeTwoIsRetried) {
  for (const int code : {1, 3, 17, 70, 127}) {
    RestartPolicy policy = policy_of(1);
    EXPECT_EQ(policy.decide(failure(code)).next, Next::kRestart) << code;
  }
  RestartPolicy policy = policy_of(5);
  EXPECT_EQ(policy.decide(failure(3)).next, Next::kRestart);
  EXPECT_EQ(policy.decide(failure(2)).next, Next::kMistake);
  const LaunchResult result = final_result(failure(2), Next::kMistake, policy);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.message, "rank 1 failed; exit code 2 is not retried; 1 of 5 restarts used");
}

TEST(RestartPolicy, RanksThatOutliveTheFirstThatWasDoneAreAFailure) {
  Incarnation lingered = failure();
  lingered.outcome = Outcome::kLingered;
  EXPECT_EQ(policy_of(1).decide(lingered).next, Next::kRestart);
}

TEST(RestartPolicy, EndsThatAreNoFailureAreNotRetried) {
  EXPECT_EQ(policy_of(5).decide({}).next, Next::kDone);
  Incarnation lost = failure();
  lost.outcome = Outcome::kOutputLost;
  EXPECT_EQ(policy_of(5).decide(lost).next, Next::kOutputLost);
}

TEST(RestartPolicy, SignalToTheLauncherIsNeverFollowedByARestart) {
  RestartPolicy policy = policy_of(5);
  for (const Outcome outcome : {Outcome::kSignalled, Outcome::kFailed, Outcome::kLingered, Outcome::kDone}) {
    Incarnation incarnation = failure();
    incarnation.outcome = outcome;
    incarnation.signal = SIGTERM;
    EXPECT_EQ(policy.decide(incarnation).next, Next::kSignalled);
  }
  Incarnation failed = failure();
  failed.signal = SIGTERM;
  EXPECT_EQ(final_result(failed, Next::kSignalled, policy).message,
            "rank 1 failed; not restarted after SIGTERM; 0 of 5 restarts used");
}

TEST(RestartPolicy, RestartsRunOut) {
  RestartPolicy policy = policy_of(2);
  Next next{};
  EXPECT_EQ(restarts_of(policy, failure(70), next), 2);
  EXPECT_EQ(next, Next::kNoRestartLeft);
  const LaunchResult result = final_result(failure(70), next, policy);
  EXPECT_EQ(result.exit_code, 70);
  EXPECT_EQ(result.message, "rank 1 failed; 2 of 2 restarts used");
}

TEST(RestartPolicy, ThreeRestartsInARowWithoutProgressAreACrashLoop) {
  RestartPolicy policy = policy_of(10);
  Next next{};
  EXPECT_EQ(restarts_of(policy, failure(), next), 3);
  EXPECT_EQ(next, Next::kCrashLoop);
  const LaunchResult result = final_result(failure(), next, policy);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.message, HasSubstr("crash_loop: 3 restarts in a row without a newly committed step; "
                                        "3 of 10 restarts used"));
}

TEST(RestartPolicy, NewlyCommittedStepResetsRowAndBackOffButNotTheCount) {
  RestartPolicy policy = policy_of(7);
  for (const int64_t step : {10, 20})
    for (int row = 0; row < 3; ++row) {
      const RestartDecision decision = policy.decide(row == 0 ? failure_after(step) : failure());
      EXPECT_EQ(decision.next, Next::kRestart);
      EXPECT_GE(decision.delay, milliseconds(1000 << row));
      EXPECT_LT(decision.delay, milliseconds(1250 << row));
    }
  EXPECT_EQ(policy.restarts(), 6);
  EXPECT_EQ(policy.decide(failure_after(21)).next, Next::kRestart);
  EXPECT_EQ(policy.decide(failure_after(22)).next, Next::kNoRestartLeft);
}

TEST(RestartPolicy, StepThatWasCommittedBeforeIsNoProgress) {
  RestartPolicy policy = policy_of(100);
  EXPECT_EQ(policy.decide(failure_after(30)).next, Next::kRestart);
  Next next{};
  EXPECT_EQ(restarts_of(policy, failure_after(30), next), 2);
  EXPECT_EQ(next, Next::kCrashLoop);
  RestartPolicy older = policy_of(100);
  EXPECT_EQ(older.decide(failure_after(30)).next, Next::kRestart);
  EXPECT_EQ(restarts_of(older, failure_after(20), next), 2);
  EXPECT_EQ(next, Next::kCrashLoop);
}

TEST(RestartPolicy, StepZeroIsProgressToo) {
  RestartPolicy policy = policy_of(100);
  EXPECT_EQ(policy.decide(failure()).next, Next::kRestart);
  EXPECT_EQ(policy.decide(failure_after(0)).next, Next::kRestart);
  Next next{};
  EXPECT_EQ(restarts_of(policy, failure(), next), 2);
}

}  // namespace
}  // namespace tandem::launch
