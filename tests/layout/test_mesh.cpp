// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/layout/mesh.h"

namespace tandem::layout {
namespace {

TEST(Mesh, RankAndCoordinateAreInverse) {
  const Mesh mesh({.data = 3, .pipeline = 4, .tensor = 2});
  EXPECT_EQ(mesh.size(), 24);
  for (int rank = 0; rank < mesh.size(); ++rank) EXPECT_EQ(mesh.rank_of(mesh.coordinate_of(rank)), rank);
}

TEST(Mesh, TensorNeighboursAreConsecutiveAndStagesFarthestApart) {
  const Mesh mesh({.data = 2, .pipeline = 2, .tensor = 2});
  EXPECT_THAT(mesh.neighbours(5, Axis::kTensor), testing::ElementsAre(4, 5));
  EXPECT_THAT(mesh.neighbours(5, Axis::kData), testing::ElementsAre(5, 7));
  EXPECT_THAT(mesh.neighbours(5, Axis::kPipeline), testing::ElementsAre(1, 5));
}

}  // namespace
}  // namespace tandem::layout
