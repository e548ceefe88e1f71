// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <limits>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/checkpoint/coverage.h"

namespace tandem::checkpoint {
namespace {

using layout::Slice;
using testing::HasSubstr;

TEST(Coverage, EachElementOnceIsFine) {
  EXPECT_EQ(coverage_problem({4, 6}, {layout::whole({4, 6})}), std::nullopt);
  EXPECT_EQ(
      coverage_problem({4, 6}, {{.offset = {0, 3}, .extent = {4, 3}}, {.offset = {0, 0}, .extent = {4, 3}}}),
      std::nullopt);
  EXPECT_EQ(coverage_problem({}, {Slice{}}), std::nullopt);
  for (int64_t cut = 0; cut <= 24; ++cut) {
    std::vector<Slice> boxes = layout::boxes_of_range({2, 3, 4}, 0, cut);
    for (const Slice& box : layout::boxes_of_range({2, 3, 4}, cut, 24)) boxes.push_back(box);
    EXPECT_EQ(coverage_problem({2, 3, 4}, boxes), std::nullopt) << cut;
  }
}

TEST(Coverage, AGapIsCounted) {
  EXPECT_EQ(coverage_problem({4, 6}, {{.offset = {0, 0}, .extent = {4, 5}}}),
            "slices cover 20 of 24 elements");
  EXPECT_EQ(coverage_problem({4}, {}), "slices cover 0 of 4 elements");
  EXPECT_EQ(coverage_problem({}, {}), "slices cover 0 of 1 elements");
}

TEST(Coverage, AnOverlapIsNamed) {
  EXPECT_EQ(coverage_problem({4, 6}, {{.offset = {0, 0}, .extent = {4, 3}},
                                      {.offset = {2, 2}, .extent = {1, 1}},
                                      {.offset = {0, 3}, .extent = {4, 3}}}),
            "slices [0:4, 0:3] and [2:3, 2:3] overlap");
  EXPECT_EQ(coverage_problem({}, {Slice{}, Slice{}}), "more than one slice of a scalar");
}

TEST(Coverage, AnOverlapThatHidesAGapIsFound) {
  EXPECT_THAT(*coverage_problem({4}, {{.offset = {0}, .extent = {2}}, {.offset = {0}, .extent = {2}}}),
              HasSubstr("overlap"));
}

TEST(Coverage, SlicesOutsideAreNamed) {
  const int64_t most = std::numeric_limits<int64_t>::max();
  for (const Slice& slice : std::vector<Slice>{{.offset = {3}, .extent = {2}},
                                               {.offset = {-1}, .extent = {2}},
                                               {.offset = {0}, .extent = {0}},
                                               {.offset = {most}, .extent = {1}},
                                               {.offset = {1}, .extent = {most}},
                                               {.offset = {0, 0}, .extent = {4, 1}}})
    EXPECT_THAT(*coverage_problem({4}, {slice}), HasSubstr("does not lie inside the shape [4]"))
        << fmt::format("{} {}", slice.offset.front(), slice.extent.front());
}

TEST(Coverage, ThousandsOfPartsTakeLittleTime) {
  std::vector<Slice> boxes;
  for (int64_t row = 0; row < 2000; ++row)
    for (int64_t part = 0; part < 16; ++part) boxes.push_back({.offset = {row, part * 4}, .extent = {1, 4}});
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(coverage_problem({2000, 64}, boxes), std::nullopt);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST(Coverage, ManyTensorRanksWithCutsAtDifferentPlacesAreALayout) {
  constexpr int64_t kRanks = 512, kRows = 100'003, kCuts = 20;
  std::vector<Slice> boxes;
  for (int64_t rank = 0; rank < kRanks; ++rank)
    for (int64_t cut = 0, begin = 0; cut <= kCuts; ++cut) {
      const int64_t end = cut == kCuts ? kRows : (cut + 1) * 4'700 + rank * 7;
      boxes.push_back({.offset = {begin, rank}, .extent = {end - begin, 1}});
      begin = end;
    }
  EXPECT_EQ(coverage_problem({kRows, kRanks}, boxes), std::nullopt);
}

TEST(Coverage, PartsThatAllMeetEachOtherAreRefusedInsteadOfCompared) {
  constexpr int64_t kParts = 20'000;  // two hundred million pairs
  std::vector<Slice> stairs;
  for (int64_t step = 0; step < kParts; ++step)
    stairs.push_back({.offset = {step, step}, .extent = {kParts - step, 1}});
  EXPECT_EQ(coverage_problem({kParts, kParts}, stairs),
            "slices lie across one another in a way that no layout makes");
}

}  // namespace
}  // namespace tandem::checkpoint
