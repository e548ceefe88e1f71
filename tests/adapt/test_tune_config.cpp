// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/adapt/tune_config.h"
#include "tandem/base/error.h"
#include "tests/data/scratch_folder.h"
#include "tests/infer/tiny_model.h"

namespace tandem::adapt {
namespace {

using ::testing::HasSubstr;

class TuneConfig : public ::testing::Test {
 protected:
  TuneConfig()
      : base_(checkpoint::StepReader::open(testing::save_tiny(
            folder_ / "base",
            {.model = testing::tiny_config(model::Positions::kRelativeBias),
             .tokenizer = {.pad = 0, .eos = 1, .first_sentinel = 8, .sentinel_count = 2, .hash = {}}}))) {}

  static TrainingFiles files(int64_t pairs) {
    return {.train = {{.name = "t", .path = "/d/train.jsonl"}},
            .dev = {{.name = "t", .path = "/d/dev.jsonl"}},
            .pairs = pairs};
  }
  train::RunConfig config(const TuneSettings& settings = {}, int64_t pairs = 40) const {
    return tune_config(base_, folder_ / "run", files(pairs), settings);
  }
  std::string problem(const TuneSettings& settings) const {
    return data::message_of<InputError>([&] { config(settings); });
  }

  data::ScratchFolder folder_;
  checkpoint::StepReader base_;
};

TEST_F(TuneConfig, StandsOnTheStepAndTheTask) {
  const train::RunConfig run = config();
  EXPECT_EQ(run.model, testing::tiny_config(model::Positions::kRelativeBias));
  EXPECT_EQ(run.run_directory, folder_ / "run");
  EXPECT_EQ(run.data.train, (Sources{{.path = "/d/train.jsonl", .name = "t"}}));
  EXPECT_EQ(run.data.validation, (Sources{{.path = "/d/dev.jsonl", .name = "t"}}));
  EXPECT_EQ(run.objective.kind, data::ObjectiveKind::kSeq2seq);
  EXPECT_EQ(run.checkpoint.start_from, base_.folder().string());
}

TEST_F(TuneConfig, TenEpochsWithTenEvaluations) {
  const train::RunConfig run = config();  // 40 pairs: three batches of 16 an epoch
  EXPECT_EQ(run.train.steps, 30);
  EXPECT_EQ(run.train.global_batch, 16);
  EXPECT_EQ(run.train.evaluate_every, 3);
  EXPECT_EQ(run.checkpoint.every_steps, 3);
  EXPECT_EQ(run.checkpoint.keep, 0);
  EXPECT_EQ(run.optimizer.warmup_steps, 3);
  EXPECT_EQ(config({.epochs = 2}).train.steps, 6);
  EXPECT_EQ(config({.epochs = 2}, 1).train.evaluate_every, 1);
  EXPECT_EQ(config({.sets = {"train.global_batch=8"}}).train.steps, 50);
  EXPECT_EQ(config({.seed = 7}).train.seed, 7);
}

TEST_F(TuneConfig, MaskedTextIsMaskedAsBefore) {
  TrainingFiles mixed = files(40);
  mixed.train.push_back({.name = "text", .path = "/d/web", .weight = 1});
  mixed.share_of_pairs = 0.5;
  const train::RunConfig run = tune_config(base_, folder_ / "run", mixed, {});
  EXPECT_EQ(run.objective.kind, data::ObjectiveKind::kSpan);
  EXPECT_EQ(run.train.steps, 50);  // half of a batch are pairs: five batches an epoch
}

TEST_F(TuneConfig, TheUsersSettingsComeFirst) {
  const std::string file = folder_.write("tune.json", R"({
    // a comment
    "run_directory": "elsewhere", "data": {"train": "other", "source_length": 99},
    "train": {"steps": 12, "global_batch": 4}, "optimizer": {"learning_rate": 0.5, "decay": "none"}})");
  const train::RunConfig run =
      config({.config = file, .sets = {"train.seed=3", "optimizer.learning_rate=0.25"}});
  EXPECT_EQ(run.run_directory, folder_ / "run");
  EXPECT_EQ(run.data.train[0].path, "/d/train.jsonl");
  EXPECT_EQ(run.data.source_length, 99);
  EXPECT_EQ(run.train.steps, 12);
  EXPECT_EQ(run.train.evaluate_every, 1);
  EXPECT_EQ(run.train.seed, 3);
  EXPECT_EQ(run.optimizer.learning_rate, 0.25);
  EXPECT_EQ(run.optimizer.decay, parallel::Decay::kNone);
}

TEST_F(TuneConfig, WhatCannotBeIsRefused) {
  EXPECT_THAT(problem({.sets = {"model.hidden=8"}}), HasSubstr("the task and the checkpoint decide model"));
  EXPECT_THAT(problem({.sets = {"data.train=x"}}), HasSubstr("decide data.train"));
  EXPECT_THAT(problem({.sets = {"train.step=3"}}), HasSubstr("train.steps"));
  EXPECT_THAT(problem({.sets = {"train.steps=3"}, .epochs = 2}), HasSubstr("--epochs 2 and train.steps"));
  EXPECT_THAT(problem({.config = folder_.write("list.json", "[1]")}), HasSubstr("is no JSON object"));
  EXPECT_THAT(problem({.config = folder_ / "missing.json"}), HasSubstr("missing.json"));
}

}  // namespace
}  // namespace tandem::adapt
