// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <gtest/gtest.h>

#include "tandem/train/flops.h"
#include "tandem/train/learning_rate.h"

namespace tandem::train {
namespace {

using parallel::Decay;

parallel::OptimizerConfig with(Decay decay, int64_t warmup) {
  parallel::OptimizerConfig config;
  config.learning_rate = 2;
  config.warmup_steps = warmup;
  config.decay = decay;
  return config;
}

TEST(LearningRate, RisesLinearlyToTheFullRate) {
  for (const Decay decay : {Decay::kNone, Decay::kLinear, Decay::kCosine, Decay::kInverseSqrt}) {
    EXPECT_DOUBLE_EQ(learning_rate_at(with(decay, 10), 0, 100), 0.2);
    EXPECT_DOUBLE_EQ(learning_rate_at(with(decay, 10), 9, 100), 2);
    EXPECT_NEAR(learning_rate_at(with(decay, 10), 10, 100), 2, 0.15);
  }
}

TEST(LearningRate, FallsAsConfigured) {
  EXPECT_DOUBLE_EQ(learning_rate_at(with(Decay::kNone, 10), 99, 100), 2);
  EXPECT_DOUBLE_EQ(learning_rate_at(with(Decay::kLinear, 10), 55, 100), 2 * 45.0 / 90);
  EXPECT_DOUBLE_EQ(learning_rate_at(with(Decay::kLinear, 0), 99, 100), 2 * 0.01);
  EXPECT_DOUBLE_EQ(learning_rate_at(with(Decay::kCosine, 0), 50, 100), 1);
  EXPECT_DOUBLE_EQ(learning_rate_at(with(Decay::kInverseSqrt, 25), 99, 1000), 1);
  EXPECT_DOUBLE_EQ(learning_rate_at(with(Decay::kInverseSqrt, 0), 3, 1000), 1);
}

TEST(LearningRate, IsDefinedPastTheEnd) {
  EXPECT_EQ(learning_rate_at(with(Decay::kLinear, 0), 200, 100), 0);
  EXPECT_TRUE(std::isfinite(learning_rate_at(with(Decay::kCosine, 0), 0, 1)));
}

// Counted by hand for one layer each: width 2, one head of 3, inner width 5, vocabulary 7; 4 source and 2
// target tokens.
TEST(Flops, CountEveryProductThreeTimes) {
  const model::ModelConfig config{.encoder_layers = 1,
                                  .decoder_layers = 1,
                                  .hidden = 2,
                                  .heads = 1,
                                  .head_dim = 3,
                                  .feed_forward = 5,
                                  .vocabulary = 7};
  const double encoder = 4 * (3 * 6 + 6 + 3 * 10) + 2 * 3 * 16;
  const double decoder = 2 * (3 * 6 + 6 + 6 + 6 + 3 * 10) + 4 * (2 * 6) + 2 * 3 * (4 + 8);
  EXPECT_DOUBLE_EQ(step_flops(config, {.source = 4, .target = 2, .rows = 1}),
                   6 * (encoder + decoder + 2 * 2 * 7));
}

// 6 + 6 layers whose feed-forward is twice the width, and a head that costs more than two decoder layers.
TEST(Flops, AreTheCostsThatSplitAPipeline) {
  const model::ModelConfig config{.encoder_layers = 6,
                                  .decoder_layers = 6,
                                  .hidden = 512,
                                  .heads = 8,
                                  .head_dim = 64,
                                  .feed_forward = 1024,
                                  .vocabulary = 32128};
  const auto stages = schedule::make_stages({.encoder_layers = 6,
                                             .decoder_layers = 6,
                                             .num_stages = 4,
                                             .costs = layer_costs(config, {.source = 512, .target = 114})});
  EXPECT_EQ(stages[1], (schedule::StageLayers{3, 6, 0, 0}));
  EXPECT_EQ(stages[2], (schedule::StageLayers{6, 6, 0, 3}));
}

}  // namespace
}  // namespace tandem::train
