// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/model/tensor_table.h"
#include "tandem/schedule/placement.h"

namespace tandem::model {
namespace {

using schedule::Placement;
using testing::ElementsAre;

constexpr ModelConfig kConfig{.encoder_layers = 4,
                              .decoder_layers = 5,
                              .hidden = 8,
                              .heads = 2,
                              .head_dim = 4,
                              .feed_forward = 16,
                              .vocabulary = 30,
                              .positions = Positions::kRelativeBias};

struct Case {
  Placement placement = Placement::kSequential;
  int pipeline = 1;
  bool tied = true;
};

std::map<std::string, std::vector<int>> stages_of(const Case& wanted) {
  ModelConfig config = kConfig;
  config.tied_head = wanted.tied;
  std::map<std::string, std::vector<int>> stages;
  for (const layout::TensorSpec& spec : tensor_table(
           config,
           schedule::place_layers(wanted.placement,
                                  {.encoder_layers = 4, .decoder_layers = 5, .num_stages = wanted.pipeline})))
    stages[spec.name] = spec.stages;
  return stages;
}

TEST(TensorTable, OneStageHoldsAll) {
  for (const Placement placement : {Placement::kSequential, Placement::kFolded, Placement::kPaired})
    for (const auto& [name, stages] : stages_of({.placement = placement, .tied = false}))
      EXPECT_THAT(stages, ElementsAre(0)) << name;
}

TEST(TensorTable, SequentialSharesTheEmbeddingWithTheEndsOfTheDecoder) {
  auto on = stages_of({.pipeline = 4});  // 2 + 2 stages
  EXPECT_THAT(on["embedding"], ElementsAre(0, 2, 3));
  EXPECT_THAT(on["encoder.relative_bias"], ElementsAre(0, 1));
  EXPECT_THAT(on["decoder.relative_bias"], ElementsAre(2, 3));
  EXPECT_THAT(on["encoder.norm"], ElementsAre(1));
  EXPECT_THAT(on["decoder.norm"], ElementsAre(3));
  EXPECT_THAT(on["decoder.layer.4.feed_forward.down"], ElementsAre(3));
  EXPECT_THAT(stages_of({.pipeline = 2})["embedding"], ElementsAre(0, 1));
  auto untied = stages_of({.pipeline = 4, .tied = false});
  EXPECT_THAT(untied["embedding"], ElementsAre(0, 2));
  EXPECT_THAT(untied["head"], ElementsAre(3));
}

TEST(TensorTable, FoldedKeepsOneEmbeddingBesideTheHead) {
  for (const bool tied : {true, false}) {
    auto on = stages_of({.placement = Placement::kFolded, .pipeline = 3, .tied = tied});
    EXPECT_THAT(on["embedding"], ElementsAre(0));
    EXPECT_EQ(on.contains("head"), !tied);
    if (!tied) {
      EXPECT_THAT(on["head"], ElementsAre(0));
    }
    EXPECT_THAT(on["decoder.norm"], ElementsAre(0));
    EXPECT_THAT(on["encoder.relative_bias"], ElementsAre(0, 1, 2));
    EXPECT_THAT(on["encoder.norm"], ElementsAre(2));
    EXPECT_THAT(on["decoder.layer.0.self_attention.norm"], ElementsAre(2));
    EXPECT_THAT(on["decoder.layer.4.feed_forward.norm"], ElementsAre(0));
  }
}

TEST(TensorTable, PairedSharesATiedEmbeddingBetweenFirstAndLastRank) {
  auto on = stages_of({.placement = Placement::kPaired, .pipeline = 3});
  EXPECT_THAT(on["embedding"], ElementsAre(0, 2));
  EXPECT_THAT(on["encoder.norm"], ElementsAre(2));
  EXPECT_THAT(on["decoder.norm"], ElementsAre(2));
  EXPECT_THAT(on["decoder.layer.0.self_attention.norm"], ElementsAre(0));
  auto untied = stages_of({.placement = Placement::kPaired, .pipeline = 3, .tied = false});
  EXPECT_THAT(untied["embedding"], ElementsAre(0));
  EXPECT_THAT(untied["head"], ElementsAre(2));
}

TEST(TensorTable, NamesShapesAndOrderAreThoseOfEveryPlacement) {
  const auto described = [](Placement placement, int pipeline) {
    std::vector<std::pair<std::string, layout::Shape>> tensors;
    for (const layout::TensorSpec& spec : tensor_table(
             kConfig, schedule::place_layers(
                          placement, {.encoder_layers = 4, .decoder_layers = 5, .num_stages = pipeline})))
      tensors.emplace_back(spec.name, spec.shape);
    return tensors;
  };
  const auto one = described(Placement::kSequential, 1);
  EXPECT_EQ(one.size(), 1u + 1 + 4 * 6 + 1 + 1 + 5 * 10 + 1);
  for (const Placement placement : {Placement::kSequential, Placement::kFolded, Placement::kPaired})
    EXPECT_EQ(described(placement, 4), one);
}

}  // namespace
}  // namespace tandem::model
