// SPDX-License-Identifier: Apache-2.0
// One suite, many meshes: five steps on every layout equal those of one rank, in loss, norm, every gradient
// and every updated parameter, and so does an evaluation after them; all copies of a tensor are equal bit by
// bit. Dropout, unequal lengths, rows and micro-batches without targets, and clipping are on.
#include <map>

#include <gmock/gmock.h>

#include "tests/support/layout_comparison.h"
#include "tests/support/run_ranks.h"

namespace tandem::train {
namespace {

using model::Positions;
using testing::Differences;
using testing::Reference;

constexpr int kSteps = 5;

struct Layout {
  int data = 1, tensor = 1, pipeline = 1;
  int encoder_stages = 0;  // 0: by itself
  int micro_batch = 2;
  int global_batch = 8;
  int layers = 4;
  parallel::Schedule schedule = parallel::Schedule::k1f1b;
  bool sharded = true;
  bool tied = true;
};

std::string name_of(const Layout& l) {
  return fmt::format("dp{}_tp{}_pp{}{}_b{}m{}_L{}{}{}{}", l.data, l.tensor, l.pipeline,
                     l.encoder_stages ? fmt::format("_enc{}", l.encoder_stages) : "", l.global_batch,
                     l.micro_batch, l.layers, l.schedule == parallel::Schedule::kGpipe ? "_gpipe" : "",
                     l.sharded ? "" : "_replicated", l.tied ? "" : "_untied");
}

RunConfig config_of(const Layout& layout, Positions positions, Precision precision) {
  RunConfig config = testing::small_run(positions, precision);
  config.parallel.data = layout.data;
  config.parallel.tensor = layout.tensor;
  config.parallel.pipeline = layout.pipeline;
  if (layout.encoder_stages > 0) config.parallel.encoder_stages = layout.encoder_stages;
  config.parallel.schedule = layout.schedule;
  config.parallel.sharded_optimizer = layout.sharded;
  config.model.tied_head = layout.tied;
  config.model.encoder_layers = config.model.decoder_layers = layout.layers;
  config.train.global_batch = layout.global_batch;
  config.train.micro_batch = layout.micro_batch;
  return config;
}

Differences compare(const Layout& layout, Positions positions, Precision precision,
                    testing::Grouping grouping = testing::Grouping::kWhole) {
  const RunConfig config = config_of(layout, positions, precision);
  const Reference reference = testing::run_reference(config, kSteps, grouping);
  Differences differences;
  testing::run_ranks(layout.data * layout.tensor * layout.pipeline, [&](const comm::World& world) {
    const Differences own = testing::compare_layout(config, world, reference);
    if (world.rank() == 0) differences = own;
  });
  return differences;
}

using Case = std::tuple<Layout, Positions>;
class EveryLayout : public ::testing::TestWithParam<Case> {};

TEST_P(EveryLayout, EqualsOneRankInDoublePrecision) {
  const auto& [layout, positions] = GetParam();
  const Differences d = compare(layout, positions, Precision::kFp64);
  EXPECT_LT(d.loss, 1e-12);
  EXPECT_LT(d.norm, 1e-11);
  EXPECT_LT(d.gradient, 1e-11) << d.worst_gradient;
  EXPECT_LT(d.parameter, 1e-11);
  EXPECT_LT(d.evaluation, 1e-12);
  EXPECT_EQ(d.unequal_replica, "");
  EXPECT_TRUE(d.covers_model);
}

std::vector<Layout> layouts() {
  return {{},
          {.tensor = 2},
          {.tensor = 4},
          {.pipeline = 2},
          {.pipeline = 4},
          {.data = 2},
          {.data = 4},
          {.tensor = 2, .pipeline = 2},
          {.data = 2, .pipeline = 2},
          {.data = 2, .tensor = 2},
          {.data = 2, .tensor = 2, .pipeline = 2},
          {.pipeline = 8, .micro_batch = 1},
          {.pipeline = 16, .layers = 8},
          {.pipeline = 4, .encoder_stages = 1},
          {.pipeline = 4, .encoder_stages = 2},
          {.pipeline = 4, .encoder_stages = 3},
          {.pipeline = 4, .micro_batch = 15, .global_batch = 15},
          {.pipeline = 4, .micro_batch = 5, .global_batch = 15},
          {.pipeline = 4, .micro_batch = 3, .global_batch = 15},
          {.pipeline = 4, .schedule = parallel::Schedule::kGpipe},
          {.data = 2, .pipeline = 2, .sharded = false},
          {.pipeline = 4, .tied = false},
          {.tensor = 2, .pipeline = 2, .tied = false}};
}

INSTANTIATE_TEST_SUITE_P(Training, EveryLayout,
                         ::testing::Combine(::testing::ValuesIn(layouts()),
                                            ::testing::Values(Positions::kRotary, Positions::kRelativeBias)),
                         [](const auto& given) {
                           return name_of(std::get<0>(given.param)) +
                                  (std::get<1>(given.param) == Positions::kRotary ? "_rotary" : "_bias");
                         });

class SomeLayouts : public ::testing::TestWithParam<Layout> {};

TEST_P(SomeLayouts, EqualsOneRankInSinglePrecision) {
  const Differences d = compare(GetParam(), Positions::kRelativeBias, Precision::kFp32);
  EXPECT_LT(d.loss, 1e-6);
  EXPECT_LT(d.norm, 2e-5);
  EXPECT_LT(d.gradient, 2e-5) << d.worst_gradient;
  EXPECT_LT(d.parameter, 1e-4);
  EXPECT_LT(d.evaluation, 1e-6);
  EXPECT_EQ(d.unequal_replica, "");
}

INSTANTIATE_TEST_SUITE_P(
    Training, SomeLayouts,
    ::testing::Values(Layout{.tensor = 2}, Layout{.data = 4}, Layout{.data = 2, .tensor = 2, .pipeline = 2},
                      Layout{.pipeline = 8, .micro_batch = 1}, Layout{.pipeline = 16, .layers = 8},
                      Layout{.pipeline = 4, .encoder_stages = 1}, Layout{.pipeline = 4, .encoder_stages = 2},
                      Layout{.pipeline = 4, .encoder_stages = 3},
                      Layout{.pipeline = 4, .micro_batch = 15, .global_batch = 15},
                      Layout{.pipeline = 4, .micro_batch = 5, .global_batch = 15},
                      Layout{.pipeline = 4, .micro_batch = 3, .global_batch = 15}),
    [](const auto& given) { return name_of(given.param); });

// bf16 has no exact comparison with fp32. With the same micro-batches, data and pipeline ranks round what one
// rank rounds, and only the order of fp32 sums is left; tensor ranks round their own parts of a product.
struct Limits {
  double loss, norm, gradient;
};
struct HalfCase {
  Layout layout;
  Limits limits;
};

class HalfPrecision : public ::testing::TestWithParam<HalfCase> {};

TEST_P(HalfPrecision, FollowsOneRankWithTheSameMicroBatches) {
  const auto& [layout, limits] = GetParam();
  const Differences d = compare(layout, Positions::kRotary, Precision::kBf16, testing::Grouping::kAsLayout);
  EXPECT_LE(d.loss, limits.loss);
  EXPECT_LE(d.norm, limits.norm);
  EXPECT_LE(d.gradient, limits.gradient) << d.worst_gradient;
  EXPECT_EQ(d.unequal_replica, "");
  EXPECT_TRUE(d.covers_model);
}

// Measured without tensor ranks: loss equal, norm 3e-10, gradient 2e-7; a reduction in 16 bits gives 9e-4,
// 2e-2 and 1e-1, see docs/faults_seen.md. With two tensor ranks, without any fault: 1.5e-3, 1.9e-2
// and 1.1e-1, on a processor without AVX-512 a norm of 6e-2; a missing reduction is far beyond.
constexpr Limits kSameRounding{1e-9, 1e-7, 2e-6}, kOwnRounding{5e-3, 0.15, 0.3};

INSTANTIATE_TEST_SUITE_P(Training, HalfPrecision,
                         ::testing::Values(HalfCase{{.data = 2}, kSameRounding},
                                           HalfCase{{.data = 4}, kSameRounding},
                                           HalfCase{{.pipeline = 4, .encoder_stages = 1}, kSameRounding},
                                           HalfCase{{.tensor = 2}, kOwnRounding},
                                           HalfCase{{.data = 2, .tensor = 2, .pipeline = 2}, kOwnRounding}),
                         [](const auto& given) { return name_of(given.param.layout); });

// Rounding shows, and no more: measured 1e-3 in the loss and 3.4e-2 in the norm.
TEST(Training, HalfPrecisionFollowsSinglePrecision) {
  RunConfig config = config_of({}, Positions::kRotary, Precision::kBf16);
  RunConfig exact = config;
  exact.train.precision = Precision::kFp32;
  const Reference half = testing::run_reference(config, kSteps),
                  single = testing::run_reference(exact, kSteps);
  for (size_t step = 0; step < kSteps; ++step) {
    EXPECT_NEAR(half.losses[step] / single.losses[step], 1, 0.005);
    EXPECT_NEAR(half.gradient_norms[step] / single.gradient_norms[step], 1, 0.1);
    EXPECT_NE(half.losses[step], single.losses[step]);
  }
}

}  // namespace
}  // namespace tandem::train
