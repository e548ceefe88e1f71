// SPDX-License-Identifier: Apache-2.0
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

TEST(Stages, SplitFollowsTheCostOfADecoderLayer) {
  const auto encoder_stages = [](int source, int target) {
    int count = 0;
    for (const StageLayers& stage : make_stages({.encoder_layers = 48,
                                    .decoder_layers = 48,
                                    .num_stages = 8,
                                    .source_length = source,
                                    .target_length = target}))
      count += stage.has_encoder();
    return count;
  };
  EXPECT_EQ(encoder_stages(512, 128), 5);
  EXPECT_EQ(encoder_stages(512, 512), 3);
  EXPECT_EQ(encoder_stages(512, 366), 4);
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
