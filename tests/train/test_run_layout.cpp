// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/base/random.h"
#include "tandem/train/run_layout.h"

namespace tandem::train {
namespace {

using schedule::Placement;
using testing::HasSubstr;

RunConfig load(const std::string& name, const std::vector<std::string>& sets = {}) {
  return load_run_config(TANDEM_SOURCE_DIR "/configs/" + name + ".json", sets).config;
}

int64_t num_parameters(const layout::StateLayout& state) {
  int64_t sum = 0;
  for (const layout::TensorSpec& spec : state.table) sum += layout::num_elements(spec.shape);
  return sum;
}

// Elements that each rank writes.
std::vector<int64_t> written(const layout::StateLayout& state) {
  std::vector<int64_t> counts;
  for (int rank = 0; rank < state.mesh.size(); ++rank) {
    int64_t count = 0;
    for (const layout::StatePart& part : layout::written_parts(state, state.mesh.coordinate_of(rank)))
      count += part.range.count;
    counts.push_back(count);
  }
  return counts;
}

double largest_to_mean(const std::vector<int64_t>& counts) {
  const auto sum = std::accumulate(counts.begin(), counts.end(), int64_t{0});
  return static_cast<double>(*std::ranges::max_element(counts)) * static_cast<double>(counts.size()) /
         static_cast<double>(sum);
}

std::string problem_of(const LayoutChange& change, const std::vector<std::string>& sets = {}) {
  try {
    state_layout(load("tiny", sets), change, "the new layout");
    return "";
  } catch (const InputError& error) {
    return error.what();
  }
}

// The element counts of each tensor over all ranks; no part beyond its box.
void expect_each_element_once(const layout::StateLayout& state) {
  std::vector<std::vector<int>> seen;
  for (const layout::TensorSpec& spec : state.table) seen.emplace_back(layout::num_elements(spec.shape));
  for (int rank = 0; rank < state.mesh.size(); ++rank)
    for (const layout::StatePart& part : layout::written_parts(state, state.mesh.coordinate_of(rank)))
      for (const layout::RangeBox& box : layout::boxes_of(part.range)) {
        const layout::Shape& shape = state.table[part.tensor].shape;
        for (int64_t i = 0; i < box.box.num_elements(); ++i) {
          int64_t rest = i, element = 0, stride = 1;
          for (size_t dim = shape.size(); dim-- > 0;) {
            element += (box.box.offset[dim] + rest % box.box.extent[dim]) * stride;
            rest /= box.box.extent[dim];
            stride *= shape[dim];
          }
          ++seen[part.tensor].at(static_cast<size_t>(element));
        }
      }
  for (size_t i = 0; i < seen.size(); ++i) ASSERT_THAT(seen[i], testing::Each(1)) << state.table[i].name;
}

TEST(RunLayout, PanguBetaHas99_6BillionParametersOn1024Ranks) {
  const layout::StateLayout state = state_layout(load("pangu_beta_100b"));
  // By hand: attention 4 D^2, feed-forward 3 D F, norms D; a decoder layer has a second attention.
  const int64_t width = 8192, attention = 4 * width * width, feed_forward = 3 * width * 25600;
  const int64_t layers = 48 * (attention + feed_forward + 2 * width) +
                         48 * (2 * attention + feed_forward + 3 * width) + 2 * width;
  EXPECT_EQ(layers + 64512 * width, 99'583'148'032);
  EXPECT_EQ(num_parameters(state), 99'583'148'032);
  EXPECT_EQ(state.mesh.extent(), (layout::MeshCoordinate{.data = 8, .pipeline = 16, .tensor = 8}));
}

TEST(RunLayout, WritingIsSpreadAsFarAsStagesAllow) {
  // A stage's tensors are written by its own ranks: only their shares can be even.
  const layout::StateLayout state = state_layout(load("pangu_beta_100b"));
  const std::vector<int64_t> counts = written(state);
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), int64_t{0}), num_parameters(state));
  const auto ranks_of_a_stage = static_cast<size_t>(state.mesh.extent().data * state.mesh.extent().tensor);
  for (size_t begin = 0; begin < counts.size(); begin += ranks_of_a_stage) {
    const auto first = counts.begin() + static_cast<int64_t>(begin);
    EXPECT_LT(largest_to_mean({first, first + static_cast<int64_t>(ranks_of_a_stage)}), 1.01);
  }
  const LayoutChange folded{.data = 8, .tensor = 8, .pipeline = 16, .placement = Placement::kFolded};
  EXPECT_LT(largest_to_mean(written(state_layout(load("pangu_beta_100b"), folded, "folded"))), 1.1);
}

// Ranges of one box, sorted, must follow each other without gap or overlap.
TEST(RunLayout, PanguBetaIsWrittenOnceOn2048RanksOfAnyPlacement) {
  for (const Placement placement : {Placement::kSequential, Placement::kFolded, Placement::kPaired}) {
    const LayoutChange change{.data = 16, .tensor = 8, .pipeline = 16, .placement = placement};
    const layout::StateLayout state = state_layout(load("pangu_beta_100b"), change, "2048 ranks");
    std::map<std::pair<size_t, layout::Shape>, std::vector<layout::BoxRange>> ranges;
    for (int rank = 0; rank < state.mesh.size(); ++rank)
      for (const layout::StatePart& part : layout::written_parts(state, state.mesh.coordinate_of(rank)))
        ranges[{part.tensor, part.range.box.offset}].push_back(part.range);
    int64_t covered = 0;
    for (auto& [box, parts] : ranges) {
      std::ranges::sort(parts, std::less{}, &layout::BoxRange::begin);
      int64_t at = 0;
      for (const layout::BoxRange& part : parts) {
        ASSERT_EQ(part.begin, at) << state.table[box.first].name;
        ASSERT_EQ(part.box, parts[0].box);
        at += part.count;
      }
      ASSERT_EQ(at, parts[0].box.num_elements());
      covered += at;
    }
    EXPECT_EQ(covered, num_parameters(state));
  }
}

TEST(RunLayout, RandomModelsAreWrittenOnceUnderRandomLayouts) {
  const CounterRandom random(21, "layouts");
  for (uint64_t trial = 0; trial < 60; ++trial) {
    const CounterRandom draw = random.split(trial);
    const auto up_to = [&](uint64_t index, uint64_t most) {
      return 1 + static_cast<int64_t>(draw.below(index, most));
    };
    const bool relative = draw.below(0, 2) == 0;
    RunConfig config = load("tiny", {relative ? "model.positions=relative_bias" : "model.positions=rotary"});
    config.model.encoder_layers = up_to(1, 4);
    config.model.decoder_layers = up_to(2, 4);
    config.model.vocabulary = 40 + up_to(3, 40);
    config.model.tied_head = draw.below(4, 2) == 0;
    const int64_t encoder = config.model.encoder_layers, decoder = config.model.decoder_layers;
    LayoutChange change{.data = up_to(5, 5), .tensor = int64_t{1} << draw.below(6, 3)};
    change.placement =
        std::array{Placement::kSequential, Placement::kFolded, Placement::kPaired}[draw.below(7, 3)];
    change.pipeline = up_to(
        8, static_cast<uint64_t>(change.placement == Placement::kSequential ? encoder + decoder
                                                                            : std::min(encoder, decoder)));
    SCOPED_TRACE(trial);
    expect_each_element_once(state_layout(config, change, "random"));
  }
}

TEST(RunLayout, AChangeToTheOwnLayoutChangesNothing) {
  const RunConfig config =
      load("tiny", {"parallel.pipeline=3", "parallel.encoder_stages=1", "parallel.tensor=2"});
  const layout::StateLayout own = state_layout(config),
                            same = state_layout(config, {.tensor = 2, .pipeline = 3}, "same");
  ASSERT_EQ(own.table.size(), same.table.size());
  EXPECT_EQ(own.mesh.extent(), same.mesh.extent());
  for (size_t i = 0; i < own.table.size(); ++i) EXPECT_EQ(own.table[i].stages, same.table[i].stages);
  EXPECT_EQ(own.table.back().stages, (std::vector<int>{2}));
  EXPECT_EQ(stages_of(config)[1].decoder_end, 1);
}

TEST(RunLayout, GivenEncoderStagesEndWithTheirPipeline) {
  const RunConfig config = load("tiny", {"parallel.pipeline=3", "parallel.encoder_stages=2"});
  EXPECT_NO_THROW(state_layout(config, {.pipeline = 2}, "shorter"));
  EXPECT_NO_THROW(state_layout(config, {.pipeline = 1}, "one"));
}

TEST(RunLayout, BatchNeedNotFitAChangedLayout) { EXPECT_EQ(problem_of({.data = 7}), ""); }

TEST(RunLayout, WhatTheModelCannotBeIsRefused) {
  EXPECT_THAT(problem_of({.tensor = 3}), AllOf(HasSubstr("the new layout: "), HasSubstr("model.heads 4")));
  EXPECT_THAT(problem_of({.pipeline = 5}), HasSubstr("parallel.pipeline 5"));
  EXPECT_THAT(problem_of({.pipeline = 3, .placement = Placement::kFolded}),
              HasSubstr("the new layout: placement folded"));
  EXPECT_THAT(problem_of({.data = 0}), HasSubstr("at least 1"));
  EXPECT_THAT(problem_of({.data = int64_t{1} << 40, .tensor = 4, .pipeline = int64_t{1} << 30}),
              HasSubstr("at most 16777216"));
}

}  // namespace
}  // namespace tandem::train
