// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/schedule/stages.h"

namespace tandem::schedule {
namespace {

using enum BundleTensor::Name;
using enum BundleTensor::Rows;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Stages, OneStageHoldsAll) {
  EXPECT_THAT(make_stages({.encoder_layers = 3, .decoder_layers = 2, .num_stages = 1}),
              ElementsAre(StageLayers{0, 3, 0, 2}));
}

TEST(Stages, LayersThatDoNotDivideGoToTheEarlierStages) {
  const auto stages =
      make_stages({.encoder_layers = 5, .decoder_layers = 4, .num_stages = 4, .encoder_stages = 3});
  EXPECT_THAT(stages, ElementsAre(StageLayers{0, 2, 0, 0}, StageLayers{2, 4, 0, 0}, StageLayers{4, 5, 0, 0},
                                  StageLayers{5, 5, 0, 4}));
}

int encoder_stages(const StageRules& rules) {
  int count = 0;
  for (const StageLayers& stage : make_stages(rules)) count += stage.has_encoder();
  return count;
}

TEST(Stages, SplitFollowsTheCostOfADecoderLayer) {
  const auto chosen = [](double decoder_layer) {
    return encoder_stages({.encoder_layers = 48,
                           .decoder_layers = 48,
                           .num_stages = 8,
                           .costs = {.encoder_layer = 1, .decoder_layer = decoder_layer}});
  };
  EXPECT_EQ(chosen(0.46), 5);
  EXPECT_EQ(chosen(1), 4);
  EXPECT_EQ(chosen(1.4), 3);
}

TEST(Stages, HeadCountsOnTheLastStage) {
  StageRules rules{.encoder_layers = 6,
                   .decoder_layers = 6,
                   .num_stages = 4,
                   .costs = {.encoder_layer = 1, .decoder_layer = 0.435}};
  EXPECT_EQ(encoder_stages(rules), 3);  // 2 and 2.6 against 3 and 1.3
  rules.costs.head = 1.165;
  EXPECT_EQ(encoder_stages(rules), 2);  // 3 and 2.5 against 2 and 3.8
}

// The slowest of all splits, by adding up each stage.
TEST(Stages, NoSplitHasAFasterSlowestStage) {
  for (int layers = 4; layers <= 9; ++layers)
    for (int p = 2; p <= 8 && p <= layers; ++p)
      for (const double decoder_layer : {0.3, 0.7, 1.0, 1.9})
        for (const double head : {0.0, 0.8, 3.0}) {
          StageRules rules{.encoder_layers = layers,
                           .decoder_layers = 12 - layers,
                           .num_stages = p,
                           .costs = {1, decoder_layer, head}};
          const auto slowest = [&] {
            const auto stages = make_stages(rules);
            double cost = 0;
            for (const StageLayers& s : stages)
              cost = std::max(cost, s.encoder_end - s.encoder_begin +
                                        (s.decoder_end - s.decoder_begin) * decoder_layer +
                                        (&s == &stages.back() ? head : 0));
            return cost;
          };
          const double chosen = slowest();
          for (int encoder = 1; encoder < p; ++encoder) {
            if (encoder > rules.encoder_layers || p - encoder > rules.decoder_layers) continue;
            rules.encoder_stages = encoder;
            EXPECT_LE(chosen, slowest()) << layers << " " << p << " " << encoder;
          }
        }
}

TEST(Stages, TooManyStagesAreRefused) {
  EXPECT_THROW(make_stages({.encoder_layers = 2, .decoder_layers = 2, .num_stages = 4, .encoder_stages = 3}),
               BugError);
}

TEST(Bundle, MemoryIsHandedOnThroughAllDecoderStages) {
  const auto stages =
      make_stages({.encoder_layers = 2, .decoder_layers = 2, .num_stages = 4, .encoder_stages = 2});
  const BundleTensor memory{kMemory, kSource, BundleTensor::Gradient::kAccumulation};
  EXPECT_THAT(bundle_after(stages, 0), ElementsAre(BundleTensor{kHidden, kSource}));
  EXPECT_THAT(bundle_after(stages, 1), ElementsAre(memory));
  EXPECT_THAT(bundle_after(stages, 2), ElementsAre(BundleTensor{kHidden, kTarget}, memory));
  EXPECT_THAT(bundle_after(stages, 3), IsEmpty());
}

}  // namespace
}  // namespace tandem::schedule
