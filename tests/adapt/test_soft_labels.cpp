// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/adapt/soft_labels.h"

namespace tandem::adapt {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

AnswerScores scores_of(const std::vector<double>& shares, double shift = 0) {
  std::vector<double> sums;
  for (const double share : shares) sums.push_back(std::log(share) + shift);
  return {{sums, sums, sums}};
}

TEST(SoftLabels, OfOneModelAreItsShares) {
  const auto merged = merged_shares({{.scores = {scores_of({0.2, 0.8}, -7)}}}, 1);
  EXPECT_THAT(merged[0], ElementsAre(DoubleNear(0.2, 1e-12), DoubleNear(0.8, 1e-12)));
}

TEST(SoftLabels, AreTheWeightedMeanOfLogShares) {
  // (0.2 / 0.8)^(3/4) (0.6 / 0.4)^(1/4) to 1, by hand.
  const auto merged = merged_shares({{.scores = {scores_of({0.2, 0.8}, -7)}, .weight = 3},
                                     {.scores = {scores_of({0.6, 0.4}, 2)}, .weight = 1}},
                                    1);
  const double odds = std::pow(0.25, 0.75) * std::pow(1.5, 0.25);
  EXPECT_THAT(merged[0],
              ElementsAre(DoubleNear(odds / (1 + odds), 1e-12), DoubleNear(1 / (1 + odds), 1e-12)));
}

TEST(SoftLabels, ATemperatureFlattens) {
  const auto merged = merged_shares({{.scores = {scores_of({0.2, 0.8})}}}, 2);
  EXPECT_THAT(merged[0], ElementsAre(DoubleNear(1.0 / 3, 1e-12), DoubleNear(2.0 / 3, 1e-12)));
}

}  // namespace
}  // namespace tandem::adapt
