// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/adapt/training_files.h"
#include "tandem/base/error.h"
#include "tandem/data/pair_source.h"
#include "tandem/data/token_index.h"
#include "tandem/tasks/task_parser.h"
#include "tests/data/invented_tokenizer.h"
#include "tests/tasks/invented_task.h"

namespace tandem::adapt {
namespace {

const data::Tokenizer& tokenizer() {
  static const data::Tokenizer tokenizer = data::invented_tokenizer(200, 450);
  return tokenizer;
}

constexpr data::SampleLengths kLengths{.source = 64, .target = 16};

std::vector<data::Sample> read_pairs(const std::string& path) {
  const data::PairSource pairs(path, nullptr, {.lengths = kLengths, .vocabulary = 450});
  std::vector<data::Sample> samples;
  for (uint64_t i = 0; i < pairs.size(); ++i) samples.push_back(pairs.sample(i, CounterRandom(1)));
  return samples;
}

class FilesOfARecipe : public testing::Test {
 protected:
  FilesOfARecipe() {
    nlohmann::json two_patterns = tasks::invented_json();
    two_patterns["patterns"].push_back({{"name", "second"}, {"text", "{sentence}_"}});
    recipe_.tasks.push_back({.task = tasks::task_of(two_patterns),
                             .data = folder_ / "weather",
                             .split = "0",
                             .patterns = {"second", "first"}});
    write("train_0.json", R"({"sentence": "带伞", "label": 2}
{"sentence": "今天老师在公园里散步", "label": 1}
{"sentence": "准备晚饭", "label": 1}
)");
    write("dev_0.json", "{\"sentence\": \"明年\", \"label\": 1}\n");
    write("test.json", "{\"id\": 1, \"sentence\": \"昨天\"}\n");
    write("unlabeled.json", "{\"sentence\": \"昨天\"}\n{\"sentence\": \"看完一本书\"}\n");
  }

  void write(const char* name, const char* bytes) const {
    std::filesystem::create_directories(folder_ / "weather");
    folder_.write(std::string("weather/") + name, bytes);
  }
  TrainingFiles plan() {
    std::vector<OpenedTask> tasks(recipe_.tasks.begin(), recipe_.tasks.end());
    return plan_training_files(recipe_, tasks, folder_ / "data");
  }
  void make() {
    std::vector<OpenedTask> tasks(recipe_.tasks.begin(), recipe_.tasks.end());
    write_training_files(recipe_, tasks, folder_ / "data", tokenizer(), kLengths);
  }

  data::ScratchFolder folder_;
  Recipe recipe_;
};

TEST_F(FilesOfARecipe, PairsAreEachRowInEachPattern) {
  const TrainingFiles files = plan();
  make();
  ASSERT_EQ(files.train.size(), 1u);
  EXPECT_EQ(files.train[0].name, "weather");
  EXPECT_EQ(files.pairs, 6);
  EXPECT_EQ(files.share_of_pairs, 1);
  const std::vector<data::Sample> pairs = read_pairs(files.train[0].path),
                                  dev = read_pairs(files.dev[0].path);
  ASSERT_EQ(pairs.size(), 6u);
  ASSERT_EQ(dev.size(), 1u);
  const tasks::Task& task = recipe_.tasks[0].task;
  const tasks::Phrasing second = tasks::phrasing_of(task, "second", tokenizer(), kLengths),
                        first = tasks::phrasing_of(task, "first", tokenizer(), kLengths);
  const tasks::Row row{.line = 2, .values = {"今天老师在公园里散步"}, .label = 0};
  EXPECT_EQ(pairs[1].source, second.source(row, "f"));
  EXPECT_EQ(pairs[1].target, second.answers(row, "f")->at(0));
  EXPECT_EQ(pairs[4].source, first.source(row, "f"));
  EXPECT_EQ(dev[0].source, second.source({.values = {"明年"}}, "f"));
}

TEST_F(FilesOfARecipe, SharesAreDividedAmongTheirKind) {
  recipe_.unlabeled = true;
  recipe_.text = {{.path = "/text/a", .weight = 3}, {.path = "/text/b", .weight = 1}};
  const TrainingFiles files = plan();
  std::vector<std::string> names;
  std::vector<double> weights;
  for (const TrainingSource& source : files.train) {
    names.push_back(source.name);
    weights.push_back(source.weight);
  }
  EXPECT_THAT(names, testing::ElementsAre("weather", "weather texts", "text", "text"));
  EXPECT_THAT(weights, testing::ElementsAre(2, 1, 0.75, 0.25));
  EXPECT_EQ(files.share_of_pairs, 0.5);
}

TEST_F(FilesOfARecipe, TextsOfTestFilesAreNotLearned) {
  recipe_.unlabeled = true;
  make();
  const data::TokenIndex index = data::TokenIndex::open(folder_ / "data/weather.unlabeled");
  EXPECT_EQ(index.documents(), 1u);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "data/weather.unlabeled.jsonl"));
}

TEST_F(FilesOfARecipe, NothingIsWrittenWhereSomethingIsWrong) {
  recipe_.tasks[0].patterns.push_back("thrid");
  EXPECT_THROW(make(), InputError);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "data"));
}

TEST(Texts, AreCutAtTheirGap) {
  const tasks::Task task = tasks::task_of(tasks::invented_candidates_json());
  EXPECT_THAT(texts_of(task, {{.values = {"前#word#后"}}, {.values = {"#word#后"}}}),
              testing::ElementsAre("前", "后", "后"));
}

}  // namespace
}  // namespace tandem::adapt
