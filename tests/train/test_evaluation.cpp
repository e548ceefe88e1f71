// SPDX-License-Identifier: Apache-2.0
// Training on several sources at once, some masked and some given pairs, and what its evaluations tell of
// each, with a small model in double precision.
#include <cmath>
#include <filesystem>
#include <map>
#include <string>

#include <ATen/ATen.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include "tandem/base/random.h"
#include "tandem/data/token_index_writer.h"
#include "tandem/observe/log.h"
#include "tandem/train/evaluation.h"
#include "tandem/train/trainer.h"
#include "tests/data/scratch_folder.h"
#include "tests/support/layout_comparison.h"
#include "tests/support/run_ranks.h"

namespace tandem::train {
namespace {

using ::testing::ElementsAre;

constexpr int kSteps = 3;

class EvaluationTest : public ::testing::Test {
 protected:
  EvaluationTest() {
    write_encoded("text", 40);
    write_encoded("task_text", 30);
    write_encoded("held_out_text", 21);
    write_pairs("pairs.jsonl", 25);
    write_pairs("held_out_pairs.jsonl", 11);
    write_pairs("more_held_out_pairs.jsonl", 6);
    std::string lines;
    for (int line = 0; line < 9; ++line)
      lines += fmt::format(
          R"({{"source": [{}, 1], "targets": [{{"target": [5, 1], "weight": 1}}, {{"target": [6], "weight": 2}}]}})"
          "\n",
          4 + line);
    folder_.write("soft.jsonl", lines);
  }

  std::string at(const std::string& name) const { return folder_ / name; }

  RunConfig config() const {
    RunConfig config = testing::small_run(model::Positions::kRotary, Precision::kFp64);
    config.run_directory = at("run");
    config.data.eos = 1;
    config.data.first_sentinel = 36;
    config.data.sentinel_count = 4;
    config.data.train = {{.path = at("text"), .weight = 2, .name = "text"},
                         {.path = at("pairs.jsonl"), .weight = 1, .name = "task"},
                         {.path = at("task_text"), .weight = 1, .name = "task"},
                         {.path = at("soft.jsonl"), .weight = 1, .name = "soft"}};
    config.data.validation = {{.path = at("held_out_text"), .name = "text"},
                              {.path = at("held_out_pairs.jsonl"), .name = "task"},
                              {.path = at("more_held_out_pairs.jsonl"), .name = "task"},
                              {.path = at("soft.jsonl"), .name = "held out"}};
    return config;
  }

 private:
  static std::vector<int32_t> invented_ids(const std::string& name, int number, uint64_t length) {
    const CounterRandom random(8, std::string_view(name), number);
    std::vector<int32_t> ids;
    for (uint64_t i = 0; i < length; ++i) ids.push_back(static_cast<int32_t>(3 + random.below(i, 30)));
    ids.push_back(1);
    return ids;
  }
  void write_encoded(const std::string& name, int documents) const {
    data::TokenIndexWriter writer({.bin = at(name) + ".bin", .idx = at(name) + ".idx"},
                                  data::TokenType::kU16);
    for (int document = 0; document < documents; ++document) {
      writer.add_sequence(invented_ids(name, document, 3 + static_cast<uint64_t>(document) % 6));
      writer.end_document();
    }
    writer.finish();
  }
  void write_pairs(const std::string& name, int pairs) const {
    std::string lines;
    for (int pair = 0; pair < pairs; ++pair)
      lines += fmt::format(
          R"({{"source": [{}], "target": [{}]}})"
          "\n",
          fmt::join(invented_ids(name, pair, 1 + static_cast<uint64_t>(pair) % 7), ", "),
          fmt::join(invented_ids("target of " + name, pair, static_cast<uint64_t>(pair) % 5), ", "));
    folder_.write(name, lines);
  }

  data::ScratchFolder folder_;
};

// Trains some steps on all ranks and evaluates; returns what the first of them was told.
Evaluation train_and_evaluate(const RunConfig& config) {
  Evaluation result;
  const auto& axes = config.parallel;
  testing::run_ranks(static_cast<int>(axes.data * axes.tensor * axes.pipeline),
                     [&](const comm::World& world) {
                       const TrainingData data(config);
                       ShardedModel model(config, world);
                       for (int64_t step = 0; step < kSteps; ++step)
                         model.train_step(step, data.step_batches(step, model.coordinate().data),
                                          config.optimizer.learning_rate);
                       const auto evaluation = evaluate(model, data, kSteps, [] { return false; });
                       ASSERT_TRUE(evaluation.has_value());
                       if (world.rank() == 0) result = *evaluation;
                     });
  return result;
}

double relative_difference(double left, double right) { return std::abs(left / right - 1); }

TEST_F(EvaluationTest, TellsTheSameOfEachNameOnEveryLayout) {
  const Evaluation one = train_and_evaluate(config());
  ASSERT_EQ(one.sources.size(), 4u);
  struct Axes {
    int data = 1, tensor = 1, pipeline = 1;
  };
  for (const Axes& axes : {Axes{.data = 2}, Axes{.data = 4}, Axes{.tensor = 2}, Axes{.pipeline = 2},
                           Axes{.data = 2, .tensor = 2, .pipeline = 2}}) {
    RunConfig other = config();
    other.parallel.data = axes.data;
    other.parallel.tensor = axes.tensor;
    other.parallel.pipeline = axes.pipeline;
    const Evaluation all = train_and_evaluate(other);
    SCOPED_TRACE(fmt::format("dp{} tp{} pp{}", axes.data, axes.tensor, axes.pipeline));
    EXPECT_LT(relative_difference(all.loss, one.loss), 1e-12);
    ASSERT_EQ(all.sources.size(), one.sources.size());
    for (size_t i = 0; i < all.sources.size(); ++i) {
      EXPECT_EQ(all.sources[i].name, one.sources[i].name);
      EXPECT_EQ(all.sources[i].rows, one.sources[i].rows);
      ASSERT_EQ(all.sources[i].validation_loss.has_value(), one.sources[i].validation_loss.has_value());
      EXPECT_LT(relative_difference(all.sources[i].validation_loss.value_or(1),
                                    one.sources[i].validation_loss.value_or(1)),
                1e-12);
    }
  }
}

// 24 rows: four periods of two of text, two of the task and one soft, and the first four of the next period.
TEST_F(EvaluationTest, CountsTheRowsOfEachName) {
  const Evaluation evaluation = train_and_evaluate(config());
  std::vector<std::string> names;
  std::map<std::string, int64_t> rows;
  for (const observe::SourceMetrics& source : evaluation.sources) {
    names.push_back(source.name);
    rows[source.name] = source.rows;
    EXPECT_EQ(source.validation_loss.has_value(), source.name != "soft");
  }
  EXPECT_THAT(names, ElementsAre("text", "task", "soft", "held out"));
  EXPECT_EQ(rows["text"], 9);
  EXPECT_EQ(rows["task"], 10);
  EXPECT_EQ(rows["soft"], 5);
  EXPECT_EQ(rows["held out"], 0);
}

// What has a name to itself is evaluated alone as it is beside others: its loss is then the whole loss.
TEST_F(EvaluationTest, TheLossOfANameIsThatOfItsDataAlone) {
  const Evaluation together = train_and_evaluate(config());
  RunConfig text = config(), task = config();
  text.data.validation = {text.data.validation[0]};
  task.data.validation = {task.data.validation[1], task.data.validation[2]};
  EXPECT_LT(relative_difference(train_and_evaluate(text).loss, *together.sources[0].validation_loss), 1e-12);
  EXPECT_LT(relative_difference(train_and_evaluate(task).loss, *together.sources[1].validation_loss), 1e-12);
}

TEST_F(EvaluationTest, TheWholeLossIsTheMeanOverAllTokens) {
  const RunConfig all = config();
  const TrainingData data(all);
  ShardedModel model(all, comm::World::alone());
  const Evaluation evaluation = *evaluate(model, data, 0, [] { return false; });
  std::vector<EvaluationResult> sums(data.names().names.size());
  for (uint64_t round = 0; round < data.num_evaluation_rounds(); ++round) {
    const auto part = model.evaluate(data.evaluation_batches(round, 0), sums.size());
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += part[i];
  }
  double loss = 0;
  int64_t tokens = 0;
  for (const EvaluationResult& sum : sums) loss += sum.loss_sum, tokens += sum.target_tokens;
  EXPECT_DOUBLE_EQ(evaluation.loss, loss / static_cast<double>(tokens));
  EXPECT_GT(data.num_evaluation_rounds(), 1u);
  EXPECT_EQ(sums[2].target_tokens, 0);
}

TEST_F(EvaluationTest, OneNameForAllIsNotToldApart) {
  RunConfig one = config();
  for (Sources* sources : {&one.data.train, &one.data.validation})
    for (WeightedPath& source : *sources) source.name = "all";
  EXPECT_TRUE(train_and_evaluate(one).sources.empty());
}

TEST_F(EvaluationTest, EndsWithoutAResultWhereAnyRankIsToldToStop) {
  RunConfig two = config();
  two.parallel.data = 2;
  testing::run_ranks(2, [&](const comm::World& world) {
    const TrainingData data(two);
    ShardedModel model(two, world);
    EXPECT_FALSE(evaluate(model, data, 0, [&] { return world.rank() == 1; }).has_value());
  });
}

bool equal(const model::Batch& left, const model::Batch& right) {
  return left.source_BS.equal(right.source_BS) && left.labels_BT.equal(right.labels_BT) &&
         left.decoder_BT.equal(right.decoder_BT) && left.rows.equal(right.rows);
}

// One of several targets is drawn by epoch and element, so that neither the layout nor a fresh start at a
// later step changes what is trained on.
TEST_F(EvaluationTest, RowsAreTheSameUnderEveryLayoutAndAfterAStart) {
  RunConfig soft = config();
  soft.data.train = {{.path = at("soft.jsonl")}, {.path = at("text")}};
  const TrainingData one(soft);
  for (const int64_t ranks : {2, 4}) {
    RunConfig other = soft;
    other.parallel.data = ranks;
    for (int64_t step = 20; step-- > 0;) {
      const TrainingData started(other);
      std::vector<model::Batch> batches;
      for (int rank = 0; rank < ranks; ++rank)
        for (const model::Batch& batch : started.step_batches(step, rank)) batches.push_back(batch);
      const std::vector<model::Batch> expected = one.step_batches(step, 0);
      ASSERT_EQ(batches.size(), expected.size());
      for (size_t i = 0; i < batches.size(); ++i) EXPECT_TRUE(equal(batches[i], expected[i])) << step;
    }
  }
}

std::vector<observe::StepMetrics> evaluations_of(const RunConfig& config) {
  std::vector<observe::StepMetrics> evaluations;
  for (const observe::StepMetrics& metrics :
       observe::read_metrics(std::filesystem::path(config.run_directory) / "metrics.jsonl"))
    if (metrics.validation_loss) evaluations.push_back(metrics);
  return evaluations;
}

TEST_F(EvaluationTest, AResumeGoesOnCounting) {
  RunConfig straight = config(), resumed = config();
  for (RunConfig* run : {&straight, &resumed}) {
    run->train.evaluate_every = 2;
    run->train.steps = 8;
  }
  straight.run_directory = at("straight");
  train(straight, {});
  resumed.train.steps = 4;
  train(resumed, {});
  resumed.train.steps = 8;
  train(resumed, {});
  observe::set_process_log(nullptr);
  const auto expected = evaluations_of(straight), found = evaluations_of(resumed);
  ASSERT_EQ(expected.size(), 4u);
  ASSERT_EQ(found.size(), 4u);
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].sources, expected[i].sources);
    EXPECT_EQ(found[i].validation_loss, expected[i].validation_loss);
    int64_t rows = 0;
    for (const observe::SourceMetrics& source : found[i].sources) rows += source.rows;
    EXPECT_EQ(rows, found[i].step * 8);
  }
}

}  // namespace
}  // namespace tandem::train
