// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/checkpoint/copy_queue.h"
#include "tandem/checkpoint/step_copy.h"
#include "tandem/checkpoint/tiers.h"

namespace tandem::checkpoint {
namespace {

using testing::ElementsAre;

KeptStep step_of(int64_t step, std::optional<double> loss = {}) {
  return {.step = step, .validation_loss = loss};
}

std::optional<int64_t> take_from(CopyQueue& queue) {
  const std::optional<KeptStep> step = queue.take();
  return step ? std::optional(step->step) : std::nullopt;
}

std::vector<int64_t> copied_in_turn(CopyQueue& queue) {
  std::vector<int64_t> steps;
  while (const auto step = take_from(queue)) {
    steps.push_back(*step);
    queue.succeed();
  }
  return steps;
}

TEST(CopyQueue, TheNewestGoesFirstAndOlderOnesAreSkipped) {
  CopyQueue queue({.newest = 3});
  for (const int64_t step : {10, 20, 30}) queue.add({step_of(step)});
  EXPECT_THAT(queue.needed(), ElementsAre(30));
  EXPECT_THAT(copied_in_turn(queue), ElementsAre(30));
  EXPECT_THAT(queue.take_skipped(), ElementsAre(10, 20));
  EXPECT_TRUE(queue.take_skipped().empty());
}

TEST(CopyQueue, ACopyThatHasBegunIsNotSkipped) {
  CopyQueue queue({.newest = 3});
  queue.add({step_of(10)});
  EXPECT_EQ(take_from(queue), 10);
  queue.add({step_of(20)});
  queue.add({step_of(30)});
  EXPECT_THAT(queue.needed(), ElementsAre(10, 30));
  EXPECT_THAT(queue.take_skipped(), ElementsAre(20));
  queue.succeed();
  EXPECT_THAT(copied_in_turn(queue), ElementsAre(30));
  EXPECT_THAT(queue.needed(), ElementsAre(30)) << "the newest stays near when it is copied";
}

TEST(CopyQueue, WhatRetentionKeepsForGoodIsNeverSkipped) {
  CopyQueue every({.newest = 3, .every = 20});
  for (const int64_t step : {10, 20, 30, 40, 50}) every.add({step_of(step)});
  EXPECT_THAT(copied_in_turn(every), ElementsAre(50, 40, 20));
  CopyQueue best({.newest = 3, .best = 1});
  best.add({step_of(10, 2.0)});
  best.add({step_of(20, 3.0)});
  best.add({step_of(30, 4.0)});
  EXPECT_THAT(copied_in_turn(best), ElementsAre(30, 10));
  CopyQueue all({.newest = 0});
  for (const int64_t step : {10, 20, 30}) all.add({step_of(step)});
  EXPECT_THAT(copied_in_turn(all), ElementsAre(30, 20, 10));
}

TEST(CopyQueue, OfStepsThatComeTogetherTheBestIsNotSkipped) {
  CopyQueue queue({.newest = 3, .best = 1});
  queue.add({step_of(10, 2.0), step_of(20, 3.0), step_of(30)});
  EXPECT_THAT(queue.needed(), ElementsAre(10, 30));
  EXPECT_THAT(copied_in_turn(queue), ElementsAre(30, 10));
}

TEST(CopyQueue, AFailureIsTriedAgainWithTheNextStep) {
  CopyQueue queue({.newest = 3, .every = 20});
  queue.add({step_of(20)});
  EXPECT_EQ(take_from(queue), 20);
  queue.fail();
  EXPECT_EQ(take_from(queue), std::nullopt) << "not at once";
  EXPECT_THAT(queue.needed(), ElementsAre(20));
  queue.add({step_of(30)});
  EXPECT_EQ(take_from(queue), 30);
  queue.fail();
  EXPECT_EQ(take_from(queue), 20);
  queue.succeed();
  queue.add({step_of(50)});
  EXPECT_THAT(copied_in_turn(queue), ElementsAre(50)) << "30 is superseded";
  EXPECT_THAT(queue.take_skipped(), ElementsAre(30));
}

TEST(Copies, EachFileGoesToARankThatHasIt) {
  EXPECT_THAT(assign_copies(4, {{0, 1}, {0, 1}, {2, 3}, {2, 3}}), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(assign_copies(2, {{0}, {}}), ElementsAre(0, std::nullopt));
  EXPECT_THAT(assign_copies(3, {{0, 1, 2, 9}, {1}}), ElementsAre(0, 1, 0));
  EXPECT_THAT(assign_copies(0, {{}, {}}), ElementsAre());
}

TEST(Candidates, AreNewestFirstAndJoinWhatHasOneManifest) {
  const auto local = [](int64_t step, std::string seal) {
    return Candidate{.step = step, .seal = std::move(seal), .is_local = true};
  };
  const auto durable = [](int64_t step, std::string seal) {
    return Candidate{.step = step, .seal = std::move(seal), .is_durable = true};
  };
  const auto both = Candidate{.step = 20, .seal = "b", .is_local = true, .is_durable = true};
  EXPECT_THAT(joined({local(20, "b"), local(30, "c"), local(20, "b"), durable(10, "a"), durable(20, "b")}),
              ElementsAre(local(30, "c"), both, durable(10, "a")));
  EXPECT_THAT(joined({local(20, ""), local(20, "x"), durable(20, "y")}),
              ElementsAre(durable(20, "y"), local(20, "x"), local(20, "")));
  EXPECT_TRUE(joined({}).empty());
}

}  // namespace
}  // namespace tandem::checkpoint
