// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "invented_task.h"
#include "tandem/tasks/floor.h"

namespace tandem::tasks {
namespace {

using nlohmann::json;
using testing::ElementsAre;

Row row(std::vector<std::string> values, size_t label = 0) {
  return {.line = 1, .values = std::move(values), .label = label};
}

TEST(FloorByCharacters, TheLabelWhoseCharactersAreMoreLikely) {
  const Task task = task_of(invented_json());
  const std::vector<Row> training{row({"晴天"}, 0), row({"晴"}, 0), row({"雨天"}, 1), row({"大雨"}, 1)};
  EXPECT_THAT(floor_answers(task, training, {row({"晴"}), row({"雨"}), row({"晴晴雨"})}),
              ElementsAre(0, 1, 0));
}

TEST(FloorByCharacters, CountsByHand) {
  // Seen: a, b, ab (label 0), b, c, bc (label 1): five grams. Of "b" after equal priors: label 0 has 1 of 3,
  // label 1 has 1 of 3 too, and the first of equals is answered; of "bc" only label 1 has seen two of three.
  const Task task = task_of(invented_json());
  const std::vector<Row> training{row({"ab"}, 0), row({"bc"}, 1)};
  EXPECT_THAT(floor_answers(task, training, {row({"b"}), row({"bc"}), row({"unknown characters"})}),
              ElementsAre(0, 1, 0));
}

TEST(FloorByCharacters, ALabelThatTrainingLacksIsNeverAnswered) {
  const Task task = task_of(invented_json());
  EXPECT_THAT(floor_answers(task, {row({"雨"}, 1)}, {row({"晴"}), row({"雨"})}), ElementsAre(1, 1));
}

json pairs_json() {
  json task = invented_json();
  task["inputs"] = {{"a", {{"path", "a"}}}, {"b", {{"path", "b"}}}};
  task["patterns"][0]["text"] = "{a}_{b}";
  task["floor"] = {{"kind", "overlap"}, {"inputs", {"a", "b"}}};
  return task;
}

TEST(FloorByOverlap, LearnsTheThresholdAndItsSide) {
  const Task task = task_of(pairs_json());
  // Overlaps 1, 1/2 (label 1) and 1/3, 0 (label 0): the threshold is half-way between 1/2 and 1/3.
  const std::vector<Row> training{row({"天晴", "晴天"}, 1), row({"天晴", "天"}, 1), row({"天晴", "天雨"}, 0),
                                  row({"天晴", "下雨"}, 0)};
  EXPECT_THAT(
      floor_answers(task, training, {row({"一二", "一"}), row({"一二三四五", "一二"}), row({"一", "二"})}),
      ElementsAre(1, 0, 0));
  const std::vector<Row> turned{row({"天晴", "晴天"}, 0), row({"天晴", "下雨"}, 1)};
  EXPECT_THAT(floor_answers(task, turned, {row({"一二", "二一"}), row({"一", "二"})}), ElementsAre(0, 1));
}

}  // namespace
}  // namespace tandem::tasks
