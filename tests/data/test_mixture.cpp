// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scratch_folder.h"
#include "tandem/base/error.h"
#include "tandem/data/mixture.h"

namespace tandem::data {
namespace {

struct Deviation {
  double ahead = 0;
  double behind = 0;
};

// The largest distance of realised counts from the ideal over all prefixes; also checks the index of each
// draw.
Deviation largest_deviation(const std::vector<double>& weights, uint64_t samples) {
  const Mixture mixture(weights);
  double sum = 0;
  for (const double weight : weights) sum += weight;
  std::vector<uint64_t> counts(weights.size(), 0);
  Deviation worst;
  for (uint64_t sample = 0; sample < samples; ++sample) {
    const MixtureDraw draw = mixture(sample);
    EXPECT_EQ(draw.index, counts[draw.source]++);
    for (size_t s = 0; s < weights.size(); ++s) {
      const double lead = static_cast<double>(counts[s]) - weights[s] / sum * static_cast<double>(sample + 1);
      worst.ahead = std::max(worst.ahead, lead);
      worst.behind = std::max(worst.behind, -lead);
    }
  }
  return worst;
}

TEST(Mixture, CountsStayNextToTheIdealAtEveryPrefix) {
  const std::vector<std::vector<double>> cases = {
      {1}, {1, 1}, {1, 1, 2}, {0.3, 0.7}, {0.05, 0.95}, {3, 5, 7, 11}, {100, 1}, {0.1, 0.2, 0.3, 0.15, 0.25}};
  for (const auto& weights : cases) {
    const Deviation worst = largest_deviation(weights, 200000);
    std::printf("%zu sources: at most %.3f ahead, %.3f behind\n", weights.size(), worst.ahead, worst.behind);
    EXPECT_LT(worst.ahead, 1.0);
    EXPECT_LE(worst.behind, std::max(1.0, static_cast<double>(weights.size()) - 1.0));
  }
}

TEST(Mixture, OddWeightsAreRoundedToTheFinestPeriod) {
  const std::vector<double> weights = {std::sqrt(2.0), std::acos(-1.0), 1.0};
  EXPECT_EQ(Mixture(weights).period(), Mixture::kMaxPeriod);
  // Half a step of rounding for each of 200,000 samples comes on top: 1.5 samples.
  const Deviation worst = largest_deviation(weights, 200000);
  EXPECT_LT(worst.ahead, 1.0 + 200000 * 0.5 / Mixture::kMaxPeriod);
}

TEST(Mixture, SmallFractionsHaveTheShortestPeriod) {
  EXPECT_EQ(Mixture({1}).period(), 1u);
  EXPECT_EQ(Mixture({0.3, 0.7}).period(), 10u);
  EXPECT_EQ(Mixture({2, 4}).period(), 3u);
  EXPECT_EQ(Mixture({1, 1, 2}).period(), 4u);
  EXPECT_DOUBLE_EQ(Mixture({1, 3}).share(1), 0.75);
}

TEST(Mixture, LookupFarAheadNeedsNoHistory) {
  const Mixture mixture({0.3, 0.7});
  const uint64_t far = 3'000'000'000'000'000'000;
  const MixtureDraw near = mixture(7), there = mixture(far + 7);
  EXPECT_EQ(there.source, near.source);
  EXPECT_EQ(there.index, near.index + far / 10 * (near.source == 0 ? 3 : 7));
}

TEST(Mixture, CountsBeforeASampleAreThoseOfTheDraws) {
  for (const auto& weights : std::vector<std::vector<double>>{{1}, {3, 5, 7, 11}, {0.1, 0.2, 0.7}}) {
    const Mixture mixture(weights);
    std::vector<uint64_t> counts(weights.size(), 0);
    for (uint64_t sample = 0; sample < 100; ++sample) {
      EXPECT_EQ(mixture.counts_before(sample), counts) << sample;
      ++counts[mixture(sample).source];
    }
  }
}

TEST(Mixture, BadWeightsAreRefused) {
  for (const double bad : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()})
    EXPECT_THROW(Mixture({1.0, bad}), InputError) << bad;
  EXPECT_THROW(Mixture(std::vector<double>{}), InputError);
  EXPECT_THAT(message_of<InputError>([] { Mixture({1.0, 1e-7}); }), testing::HasSubstr("raise its weight"));
}

}  // namespace
}  // namespace tandem::data
