// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/base/random.h"
#include "tandem/train/run_config.h"

namespace tandem::train {
namespace {

using testing::AllOf;
using testing::HasSubstr;

ResolvedRun tiny(const std::vector<std::string>& sets = {}) {
  return load_run_config(TANDEM_SOURCE_DIR "/configs/tiny.json", sets);
}

std::string problem_of(const std::vector<std::string>& sets) {
  try {
    tiny(sets);
    ADD_FAILURE() << "taken: " << testing::PrintToString(sets);
    return "";
  } catch (const InputError& error) {
    return error.what();
  }
}

TEST(RunConfig, TinyConfigurationIsComplete) {
  const RunConfig config = tiny().config;
  EXPECT_EQ(config.model.hidden, 32);
  EXPECT_EQ(config.train.micro_batch, 2);
  EXPECT_EQ(config.parallel, parallel::ParallelConfig{});
  EXPECT_EQ(checkpoint_directory(config), "runs/tiny/checkpoints");
}

TEST(RunConfig, NeedsOnlyTheRequiredKeys) {
  const ResolvedRun run = resolve_run_config({.name = "r.json", .text = R"({
    "run_directory": "r", "data": {"train": "d", "source_length": 8, "target_length": 8},
    "model": {"encoder_layers": 1, "decoder_layers": 1, "hidden": 8, "heads": 1, "head_dim": 8, "feed_forward": 8,
              "vocabulary": 300},
    "train": {"steps": 1, "global_batch": 6}})"});
  EXPECT_EQ(run.config.train.precision, Precision::kFp32);
  EXPECT_EQ(run.config.objective.kind, data::ObjectiveKind::kSpan);
  EXPECT_EQ(run.config.model.dropout, 0);
  EXPECT_EQ(run.config.train.micro_batch, 6);
}

// A folder of the nodes is held against folders that are missing here.
TEST(RunConfig, MissingRequiredKeysAreAllNamed) {
  for (const char* text : {"{}", R"({"checkpoint": {"local_directory": "l", "directory": ""}})"}) try {
      resolve_run_config({.name = "r.json", .text = text});
      FAIL();
    } catch (const InputError& error) {
      for (const char* key :
           {"run_directory", "model.encoder_layers", "model.decoder_layers", "model.hidden", "model.heads",
            "model.head_dim", "model.feed_forward", "model.vocabulary", "data.train", "data.source_length",
            "data.target_length", "train.steps", "train.global_batch"})
        EXPECT_THAT(error.what(), HasSubstr(std::string(key) + ": is missing"));
      EXPECT_THAT(error.what(), testing::Not(HasSubstr("divisible")));
    }
}

TEST(RunConfig, MicroBatchDefaultsToTheDataRanksShare) {
  EXPECT_EQ(tiny({"train.micro_batch=null", "parallel.data=4"}).config.train.micro_batch, 2);
  EXPECT_EQ(tiny({"train.micro_batch=null", "parallel.data=1"}).config.train.micro_batch, 8);
}

TEST(RunConfig, WrittenFormReadsBackTheSame) {
  for (const std::vector<std::string>& sets : std::vector<std::vector<std::string>>{
           {},
           {"model.positions=relative_bias", "model.relative_buckets=8", "parallel.pipeline=2",
            "parallel.encoder_stages=1", "data.validation=[{\"path\": \"v\", \"weight\": 0.1}]"},
           {R"(data.train=["a", {"path": "b.jsonl", "weight": 0.5, "name": "任务"}])",
            R"(data.validation=[{"path": "c.jsonl", "name": "任务"}])"},
           {"objective.kind=seq2seq", "data.train=[\"a.jsonl\", \"b.jsonl\"]", "checkpoint.start_from=x"}}) {
    const RunConfig config = tiny(sets).config;
    const std::string text = run_config_json(config);
    const RunConfig back = resolve_run_config({.name = "config.json", .text = text}).config;
    EXPECT_EQ(back, config);
    EXPECT_EQ(run_config_json(back), text);
    EXPECT_EQ(hash_config(back), hash_config(config));
  }
}

TEST(RunConfig, HeadsAndFeedForwardMustDivide) {
  EXPECT_THAT(problem_of({"parallel.tensor=3"}),
              AllOf(HasSubstr("model.heads 4 is not divisible by parallel.tensor 3"),
                    HasSubstr("model.feed_forward 64 is not divisible by parallel.tensor 3")));
}

TEST(RunConfig, MoreStagesThanLayersAreRefused) {
  EXPECT_NO_THROW(tiny({"parallel.pipeline=4"}));
  EXPECT_THAT(problem_of({"parallel.pipeline=5"}),
              HasSubstr("parallel.pipeline 5 is more stages than layers"));
  EXPECT_NO_THROW(tiny({"parallel.pipeline=3", "parallel.encoder_stages=1"}));
  EXPECT_THAT(problem_of({"parallel.pipeline=4", "parallel.encoder_stages=3"}),
              HasSubstr("parallel.encoder_stages 3 is more than model.encoder_layers 2"));
  EXPECT_THAT(problem_of({"parallel.pipeline=4", "parallel.encoder_stages=1"}),
              HasSubstr("3 decoder stages (parallel.pipeline 4 - parallel.encoder_stages 1) are more than "
                        "model.decoder_layers 2"));
  EXPECT_THAT(problem_of({"parallel.pipeline=2", "parallel.encoder_stages=2"}),
              HasSubstr("leaves no decoder stage of parallel.pipeline 2; use 1 to 1"));
  EXPECT_THAT(problem_of({"parallel.encoder_stages=1"}),
              HasSubstr("parallel.pipeline 1 has no stages to split"));
  EXPECT_THAT(problem_of({"parallel.pipeline=2", "parallel.encoder_stages=0"}), HasSubstr("0 is below 1"));
}

TEST(RunConfig, GlobalBatchMustDivide) {
  EXPECT_THAT(
      problem_of({"train.micro_batch=3"}),
      HasSubstr("train.global_batch 8 is not divisible by parallel.data 1 x train.micro_batch 3 = 3"));
  EXPECT_THAT(problem_of({"parallel.data=8"}), HasSubstr("parallel.data 8 x train.micro_batch 2 = 16"));
  EXPECT_THAT(problem_of({"parallel.data=3", "train.micro_batch=null"}),
              HasSubstr("train.global_batch 8 is not divisible by parallel.data 3"));
}

TEST(RunConfig, PositionsAndTheirKeysFit) {
  EXPECT_THAT(problem_of({"model.head_dim=7"}), HasSubstr("model.head_dim 7 is odd"));
  EXPECT_NO_THROW(tiny({"model.head_dim=7", "model.positions=relative_bias"}));
  EXPECT_NO_THROW(tiny({"model.relative_buckets=32"}));
  EXPECT_THAT(problem_of({"model.relative_buckets=16"}), HasSubstr("no effect with model.positions rotary"));
  EXPECT_THAT(problem_of({"model.positions=relative_bias", "model.rotary_base=5"}),
              HasSubstr("model.rotary_base"));
  EXPECT_THAT(problem_of({"model.positions=relative_bias", "model.relative_buckets=9"}),
              HasSubstr("9 is odd"));
  EXPECT_THAT(problem_of({"model.positions=relative_bias", "model.relative_distance=16"}),
              HasSubstr("model.relative_distance 16 must be above half of model.relative_buckets 32"));
}

TEST(RunConfig, DataFitsTheObjective) {
  EXPECT_THAT(problem_of({"objective.kind=seq2seq"}), HasSubstr("data.train: data/tiny is no .jsonl file"));
  EXPECT_THAT(problem_of({"objective.kind=seq2seq", "data.train=[\"a.jsonl\", \"b\"]"}),
              HasSubstr("data.train: b is no .jsonl file"));
  EXPECT_NO_THROW(tiny({"data.train=[\"a\", \"b.jsonl\"]", "data.validation=c.jsonl"}));
  EXPECT_NO_THROW(tiny({"data.train=[\"a.jsonl\", \"b\"]", "objective.kind=mlm"}));
}

TEST(RunConfig, WarmUpMustEndBeforeADecayToZero) {
  EXPECT_THAT(problem_of({"optimizer.decay=cosine", "optimizer.warmup_steps=20"}),
              HasSubstr("optimizer.warmup_steps 20 leaves no step of train.steps 20"));
  EXPECT_NO_THROW(tiny({"optimizer.decay=none", "optimizer.warmup_steps=20"}));
}

TEST(RunConfig, LaterValuesAreRefused) {
  for (const char* set :
       {"parallel.placement=folded", "parallel.placement=paired", "parallel.schedule=interleaved"})
    EXPECT_THAT(problem_of({set}), HasSubstr("not available yet"));
}

TEST(RunConfig, ProblemsOfAllKindsComeTogether) {
  EXPECT_THAT(
      problem_of({"parallel.tensor=3", "train.micro_batch=5", "model.hiden=3", "model.dropout=\"x\""}),
      AllOf(HasSubstr("model.heads 4"), HasSubstr("train.micro_batch 5"),
            HasSubstr("model.hiden: unknown key; the nearest is model.hidden"),
            HasSubstr("model.dropout: expected a number")));
}

TEST(RunConfig, DamagedTextIsReadOrRefusedAndNothingElse) {
  const std::string whole = read_file(TANDEM_SOURCE_DIR "/configs/tiny.json");
  const CounterRandom random(5, "damage");
  int refused = 0;
  for (uint64_t i = 0; i < 3000; ++i) {
    std::string text = whole;
    for (uint64_t j = 0; j < 1 + i % 3; ++j) {
      const CounterRandom here = random.split(i, j);
      const size_t place = here.below(0, text.size());
      const char byte =
          static_cast<char>(here.below(1, 2) == 0 ? here.below(2, 256) : whole[here.below(2, whole.size())]);
      if (here.below(3, 3) == 0)
        text.erase(place, here.below(4, 8));
      else if (here.below(3, 3) == 1)
        text.insert(place, 1, byte);
      else
        text[place] = byte;
    }
    try {
      const RunConfig config = resolve_run_config({.name = "damaged", .text = text}).config;
      EXPECT_EQ(resolve_run_config({.name = "again", .text = run_config_json(config)}).config, config);
    } catch (const InputError& error) {
      ++refused;
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_LT(refused, 3000);
}

TEST(RunConfig, LargestValuesDoNotOverflow) {
  EXPECT_THAT(
      problem_of({"parallel.data=65536", "parallel.tensor=65536", "parallel.pipeline=8192",
                  "train.micro_batch=1073741824", "train.global_batch=65536"}),
      AllOf(HasSubstr("= 70368744177664"), HasSubstr("parallel.pipeline 8192 is more stages than layers")));
  EXPECT_THAT(problem_of({"train.steps=9223372036854775807"}), HasSubstr("9223372036854775807 is above"));
}

TEST(RunConfig, RanksMustBeTheProductOfTheAxes) {
  const parallel::ParallelConfig config{.data = 2, .tensor = 3, .pipeline = 4};
  EXPECT_NO_THROW(check_ranks(config, 24));
  try {
    check_ranks(config, 4);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("4 rank(s), but parallel.data 2 x parallel.tensor 3 x "
                                              "parallel.pipeline 4 = 24"),
                                    HasSubstr("launch --ranks 24")));
  }
}

}  // namespace
}  // namespace tandem::train
