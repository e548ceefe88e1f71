// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/train/evaluation_plan.h"
#include "tandem/train/source_names.h"

namespace tandem::train {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(SourceNames, StandOnceInTheOrderOfTheConfiguration) {
  data::DataConfig data;
  data.train = {{.path = "text"}, {.path = "a.jsonl", .name = "task"}, {.path = "b", .name = "task"}};
  data.validation = {{.path = "held_out"}, {.path = "c.jsonl", .name = "task"}, {.path = "text"}};
  const SourceNames names = source_names(data);
  EXPECT_THAT(names.names, ElementsAre("text", "task", "held_out"));
  EXPECT_THAT(names.train, ElementsAre(0, 1, 1));
  EXPECT_THAT(names.validation, ElementsAre(2, 1, 0));
  EXPECT_TRUE(names.several());
}

TEST(SourceNames, OneNameForAllLeavesNothingToTellApart) {
  data::DataConfig data;
  data.train = {{.path = "a", .name = "text"}, {.path = "b", .name = "text"}};
  data.validation = {{.path = "text"}};
  EXPECT_FALSE(source_names(data).several());
  data.validation = {{.path = "held_out"}};
  EXPECT_FALSE(source_names(data).several());
  data.validation.push_back({.path = "c", .name = "text"});
  EXPECT_TRUE(source_names(data).several());
}

std::vector<HeldOutRows> all_of(const EvaluationPlan& plan) {
  std::vector<HeldOutRows> rows;
  for (uint64_t number = 0; number < plan.size(); ++number) rows.push_back(plan[number]);
  return rows;
}

TEST(EvaluationPlan, CutsOneNameEveryMicroBatch) {
  const std::vector<HeldOutRows> expected = {{0, 4, 0}, {4, 8, 0}, {8, 10, 0}};
  EXPECT_EQ(all_of(EvaluationPlan({{.rows = 10, .name = 0}}, 4)), expected);
  EXPECT_EQ(all_of(EvaluationPlan({{.rows = 3, .name = 0}, {.rows = 7, .name = 0}}, 4)), expected);
  EXPECT_THAT(all_of(EvaluationPlan()), IsEmpty());
}

TEST(EvaluationPlan, CutsWhereTheNameChanges) {
  const EvaluationPlan plan(
      {{.rows = 5, .name = 2}, {.rows = 1, .name = 0}, {.rows = 4, .name = 2}, {.rows = 4, .name = 1}}, 4);
  EXPECT_THAT(all_of(plan), ElementsAre(HeldOutRows{0, 4, 2}, HeldOutRows{4, 5, 2}, HeldOutRows{5, 6, 0},
                                        HeldOutRows{6, 10, 2}, HeldOutRows{10, 14, 1}));
  EXPECT_THROW(plan[5], BugError);
}

}  // namespace
}  // namespace tandem::train
