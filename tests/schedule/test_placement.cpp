// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/schedule/placement.h"

namespace tandem::schedule {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kAll = {Placement::kSequential, Placement::kFolded, Placement::kPaired};

std::string problem_of(Placement placement, const StageRules& rules) {
  try {
    place_layers(placement, rules);
    return "";
  } catch (const InputError& error) {
    return error.what();
  }
}

TEST(Placement, SequentialIsTheSplitIntoStages) {
  const StageRules rules{.encoder_layers = 5, .decoder_layers = 4, .num_stages = 4, .encoder_stages = 3};
  EXPECT_EQ(place_layers(Placement::kSequential, rules), make_stages(rules));
}

TEST(Placement, FoldedGoesDownWithTheEncoderAndUpWithTheDecoder) {
  EXPECT_THAT(place_layers(Placement::kFolded, {.encoder_layers = 5, .decoder_layers = 4, .num_stages = 3}),
              ElementsAre(StageLayers{0, 2, 3, 4}, StageLayers{2, 4, 2, 3}, StageLayers{4, 5, 0, 2}));
}

TEST(Placement, PairedGoesDownWithBoth) {
  EXPECT_THAT(place_layers(Placement::kPaired, {.encoder_layers = 5, .decoder_layers = 4, .num_stages = 3}),
              ElementsAre(StageLayers{0, 2, 0, 2}, StageLayers{2, 4, 2, 3}, StageLayers{4, 5, 3, 4}));
}

TEST(Placement, AllAreTheSameOnOneRank) {
  for (const Placement placement : kAll)
    EXPECT_THAT(place_layers(placement, {.encoder_layers = 3, .decoder_layers = 2}),
                ElementsAre(StageLayers{0, 3, 0, 2}));
}

TEST(Placement, EveryLayerIsOnOneRank) {
  for (const Placement placement : kAll)
    for (int encoder = 1; encoder <= 7; ++encoder)
      for (int decoder = 1; decoder <= 7; ++decoder)
        for (int ranks = 1; ranks <= 8; ++ranks) {
          const StageRules rules{.encoder_layers = encoder, .decoder_layers = decoder, .num_stages = ranks};
          if (!problem_of(placement, rules).empty()) continue;
          std::vector<int> encoder_seen(encoder), decoder_seen(decoder);
          for (const StageLayers& rank : place_layers(placement, rules)) {
            EXPECT_TRUE(rank.has_encoder() || rank.has_decoder());
            for (int i = rank.encoder_begin; i < rank.encoder_end; ++i) ++encoder_seen.at(i);
            for (int i = rank.decoder_begin; i < rank.decoder_end; ++i) ++decoder_seen.at(i);
          }
          EXPECT_THAT(encoder_seen, testing::Each(1));
          EXPECT_THAT(decoder_seen, testing::Each(1));
        }
}

TEST(Placement, WhatCannotBeMadeIsRefusedByName) {
  EXPECT_THAT(
      problem_of(Placement::kFolded, {.encoder_layers = 8, .decoder_layers = 3, .num_stages = 4}),
      AllOf(HasSubstr("placement folded"), HasSubstr("8 encoder and 3 decoder"), HasSubstr("at most 3")));
  EXPECT_THAT(problem_of(Placement::kPaired, {.encoder_layers = 2, .decoder_layers = 3, .num_stages = 3}),
              HasSubstr("placement paired"));
  EXPECT_THAT(problem_of(Placement::kPaired,
                         {.encoder_layers = 8, .decoder_layers = 8, .num_stages = 4, .encoder_stages = 2}),
              HasSubstr("leave encoder_stages out"));
  EXPECT_THAT(problem_of(Placement::kSequential, {.encoder_layers = 2, .decoder_layers = 2, .num_stages = 5}),
              HasSubstr("use at most 4"));
  EXPECT_THAT(problem_of(Placement::kSequential,
                         {.encoder_layers = 2, .decoder_layers = 2, .num_stages = 4, .encoder_stages = 3}),
              HasSubstr("3 encoder of 4 stages"));
  EXPECT_EQ(problem_of(Placement::kSequential, {.encoder_layers = 2, .decoder_layers = 2, .num_stages = 4}),
            "");
}

TEST(Placement, HasTheNamesOfTheConfiguration) {
  EXPECT_EQ(name_of(Placement::kSequential), "sequential");
  EXPECT_EQ(name_of(Placement::kFolded), "folded");
  EXPECT_EQ(name_of(Placement::kPaired), "paired");
}

}  // namespace
}  // namespace tandem::schedule
