// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/schedule/schedule.h"

namespace tandem::schedule {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;

ProgramUse training(int num_micro_batches) { return {Purpose::kTraining, num_micro_batches}; }

TEST(Schedule, EveryShapeIsFaultlessAndKeepsItsMemoryBound) {
  for (int p = 1; p <= 16; ++p)
    for (int m = 1; m <= 40; ++m) {
      const Program one = make_1f1b({.num_stages = p, .num_micro_batches = m});
      const Program all = make_gpipe({.num_stages = p, .num_micro_batches = m});
      const Program forward = make_forward_only({.num_stages = p, .num_micro_batches = m});
      EXPECT_THAT(find_faults(one, training(m)), IsEmpty()) << p << " " << m;
      EXPECT_THAT(find_faults(all, training(m)), IsEmpty()) << p << " " << m;
      EXPECT_THAT(find_faults(forward, {Purpose::kEvaluation, m}), IsEmpty()) << p << " " << m;
      for (int stage = 0; stage < p; ++stage) {
        EXPECT_EQ(peak_in_flight(one[stage]), std::min(m, p - stage));
        EXPECT_EQ(peak_in_flight(all[stage]), m);
      }
    }
}

TEST(Schedule, OneForwardOneBackwardIsDrawn) {
  EXPECT_EQ(draw(make_1f1b({.num_stages = 2, .num_micro_batches = 2})),
            "  0: F0 F0> F1 F1> <B0 B0 <B1 B1\n"
            "  1: <F0 F0 B0 B0> <F1 F1 B1 B1>\n");
}

TEST(Schedule, ForwardOnlyHasNoBackward) {
  EXPECT_EQ(draw(make_forward_only({.num_stages = 2, .num_micro_batches = 1})), "  0: F0 F0>\n  1: <F0 F0\n");
}

TEST(Schedule, FaultsAreFound) {
  const Program good = make_1f1b({.num_stages = 3, .num_micro_batches = 4});
  Program lost = good;
  lost[1].erase(std::find(lost[1].begin(), lost[1].end(), Action{Action::Kind::kBackward, 2}));
  EXPECT_THAT(find_faults(lost, training(4)), Contains(HasSubstr("stage 1: B2 occurs 0 times")));

  Program swapped = good;
  std::swap(*std::find(swapped[0].begin(), swapped[0].end(), Action{Action::Kind::kSendForward, 0}),
            *std::find(swapped[0].begin(), swapped[0].end(), Action{Action::Kind::kSendForward, 1}));
  EXPECT_THAT(find_faults(swapped, training(4)), Contains(HasSubstr("disagree on the forward transfers")));

  // Both stages wait for the other first.
  Program waiting = good;
  const auto receive =
      std::find(waiting[0].begin(), waiting[0].end(), Action{Action::Kind::kReceiveBackward, 0});
  waiting[0].erase(receive);
  waiting[0].insert(waiting[0].begin(), Action{Action::Kind::kReceiveBackward, 0});
  EXPECT_THAT(find_faults(waiting, training(4)), Contains(HasSubstr("stage 0 waits for ever at <B0")));
}

TEST(Schedule, ActionsThatNobodyNeedsAreFaults) {
  using Kind = Action::Kind;
  const Program good = make_1f1b({.num_stages = 2, .num_micro_batches = 2});
  const auto faults_with = [&](size_t stage, const Action& action) {
    Program program = good;
    program[stage].push_back(action);
    return find_faults(program, training(2));
  };
  EXPECT_THAT(faults_with(0, {Kind::kForward, 2}), ElementsAre("stage 0: F2 is not among its actions"));
  EXPECT_THAT(faults_with(0, {Kind::kBackward, -1}), ElementsAre("stage 0: B-1 is not among its actions"));
  EXPECT_THAT(faults_with(1, {Kind::kSendForward, 0}), Contains("stage 1: F0> is not among its actions"));
  EXPECT_THAT(faults_with(0, {Kind::kSendBackward, 0}), Contains("stage 0: B0> is not among its actions"));
  EXPECT_THAT(find_faults(good, {Purpose::kEvaluation, 2}), Contains("stage 0: B0 is not among its actions"));
}

// Both stages are right by themselves, and with endless buffers nobody would wait: stage 0 evaluates its
// micro-batches, but stage 1 takes none before a third message that stage 0 does not send with two open.
TEST(Schedule, MessagesDoNotWaitInEndlessBuffers) {
  using Kind = Action::Kind;
  Program program(2);
  for (int i = 0; i < 4; ++i) {
    program[0].push_back({Kind::kForward, i});
    program[0].push_back({Kind::kSendForward, i});
  }
  for (const int i : {3, 0, 1, 2}) {
    program[1].push_back({Kind::kReceiveForward, i});
    program[1].push_back({Kind::kForward, i});
  }
  EXPECT_THAT(find_faults(program, {Purpose::kEvaluation, 4}),
              IsSupersetOf({"stage 0 waits for ever at F3", "stage 1 waits for ever at <F3"}));
}

// Stage 0's backward waits for its forward message, which stage 1 only takes after a message that stage 0
// sends after that backward.
TEST(Schedule, BackwardWaitsForItsForwardMessage) {
  using Kind = Action::Kind;
  const Program program{{{Kind::kForward, 0},
                         {Kind::kSendForward, 0},
                         {Kind::kReceiveBackward, 0},
                         {Kind::kBackward, 0},
                         {Kind::kForward, 1},
                         {Kind::kSendForward, 1}},
                        {{Kind::kBackward, 0},
                         {Kind::kSendBackward, 0},
                         {Kind::kReceiveForward, 1},
                         {Kind::kReceiveForward, 0}}};
  EXPECT_THAT(find_faults(program, training(2)),
              IsSupersetOf({"stage 0 waits for ever at B0", "stage 1 waits for ever at <F1"}));
}

TEST(Schedule, FaultyProgramIsRefused) {
  Program program = make_1f1b({.num_stages = 2, .num_micro_batches = 3});
  EXPECT_NO_THROW(require_faultless(program, training(3)));
  program[1].pop_back();
  try {
    require_faultless(program, training(3));
    FAIL();
  } catch (const BugError& error) {
    EXPECT_THAT(error.what(), HasSubstr("2 stages, 3 micro-batches: stage 1: B2> occurs 0 times"));
  }
}

}  // namespace
}  // namespace tandem::schedule
