// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/adapt/recipe.h"
#include "tandem/base/error.h"
#include "tests/data/scratch_folder.h"
#include "tests/tasks/invented_task.h"

namespace tandem::adapt {
namespace {

using data::message_of;
using testing::DoubleEq;
using testing::ElementsAre;
using testing::HasSubstr;

tasks::Task find(const std::string& name) {
  if (name != "weather" && name != "other") throw InputError("no task {}", name);
  nlohmann::json json = tasks::invented_json();
  json["name"] = name;
  json["patterns"].push_back({{"name", "second"}, {"text", "{sentence}_"}});
  return tasks::task_of(json);
}

class RecipeFile : public testing::Test {
 protected:
  Recipe read(const std::string& text) const { return read_recipe(folder_.write("recipe.json", text), find); }
  std::string problem(const std::string& text) const {
    const std::string message = message_of<InputError>([&] { read(text); });
    return message.substr(std::min(message.find("recipe.json"), message.size()));
  }
  data::ScratchFolder folder_;
};

TEST_F(RecipeFile, SaysAllThatIsLearned) {
  const Recipe recipe = read(R"({
    // both splits
    "tasks": [{"task": "weather", "data": "w", "split": "0", "patterns": ["second", "plain"]},
              {"task": "other", "data": "/abs/o"}],
    "text": [{"path": "web", "weight": 3}, {"path": "/abs/books"}],
    "unlabeled": true, "shares": {"labelled": 5}, "cap": 100, "temperature": 3})");
  ASSERT_EQ(recipe.tasks.size(), 2u);
  EXPECT_EQ(recipe.tasks[0].data, folder_ / "w");
  EXPECT_EQ(recipe.tasks[0].split, "0");
  EXPECT_THAT(recipe.tasks[0].patterns, ElementsAre("second", "plain"));
  EXPECT_EQ(recipe.tasks[1].data, "/abs/o");
  EXPECT_EQ(recipe.tasks[1].split, "");
  EXPECT_THAT(recipe.tasks[1].patterns, ElementsAre("first", "second"));
  EXPECT_EQ(recipe.text, (Sources{{.path = folder_ / "web", .weight = 3}, {.path = "/abs/books"}}));
  EXPECT_TRUE(recipe.unlabeled);
  EXPECT_EQ(recipe.shares.labelled, 5);
  EXPECT_EQ(recipe.shares.text, 1);
  EXPECT_EQ(recipe.cap, 100);
  EXPECT_EQ(recipe.temperature, 3);
}

TEST_F(RecipeFile, FaultsAreToldWithTheirPlace) {
  EXPECT_THAT(problem("[]"), HasSubstr("is no JSON object"));
  EXPECT_THAT(problem("{\"tasks\": []}"), HasSubstr("'tasks' is empty"));
  EXPECT_THAT(problem(R"({"tasks": [{"task": "weather"}]})"), HasSubstr("tasks[0]: 'data' is missing"));
  EXPECT_THAT(problem(R"({"tasks": [{"task": "weather", "data": "w", "patterns": ["frist"]}]})"),
              HasSubstr("tasks[0]: weather has no pattern 'frist'"));
  EXPECT_THAT(problem(R"({"tasks": [{"task": "weather", "data": "w"}, {"task": "weather", "data": "v"}]})"),
              HasSubstr("the task weather is there twice"));
  const auto with = [&](const std::string& more) {
    return problem(R"({"tasks": [{"task": "weather", "data": "w"}], )" + more + "}");
  };
  EXPECT_THAT(with(R"("shares": {"labelled": 0})"), HasSubstr("'labelled' is 0, not above 0"));
  EXPECT_THAT(with(R"("shares": {"labeled": 1})"), HasSubstr("the nearest is 'labelled'"));
  EXPECT_THAT(with(R"("cap": 0)"), HasSubstr("'cap' is 0"));
  EXPECT_THAT(with(R"("unlabeled": 1)"), HasSubstr("'unlabeled' is not true or false"));
  EXPECT_THAT(with(R"("text": [{"path": "a", "weight": -1}])"), HasSubstr("text[0]: 'weight' is -1"));
}

TEST(PartsOfAShare, AreRootsOfCappedCounts) {
  // 32, 256 and 536 rows under a cap of 256 and a temperature of 2: 1 : sqrt(8) : sqrt(8).
  const double root = std::sqrt(8.0), sum = 1 + 2 * root;
  EXPECT_THAT(parts_of_share({32, 256, 536}, 256, 2),
              ElementsAre(DoubleEq(1 / sum), DoubleEq(root / sum), DoubleEq(root / sum)));
}

}  // namespace
}  // namespace tandem::adapt
