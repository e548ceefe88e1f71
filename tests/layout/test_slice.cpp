// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/base/random.h"
#include "tandem/layout/slice.h"

namespace tandem::layout {
namespace {

// Row-major numbers of a box's elements.
std::vector<int64_t> elements(const Shape& shape, const Slice& box) {
  std::vector<int64_t> numbers{0};
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    std::vector<int64_t> next;
    for (const int64_t base : numbers)
      for (int64_t i = 0; i < box.extent[dim]; ++i) next.push_back(base * shape[dim] + box.offset[dim] + i);
    numbers = next;
  }
  return numbers;
}

TEST(Slice, IntersectionIsTheCommonBox) {
  const Slice a{.offset = {0, 4}, .extent = {4, 4}}, b{.offset = {2, 0}, .extent = {4, 6}};
  EXPECT_EQ(intersect(a, b), (Slice{.offset = {2, 4}, .extent = {2, 2}}));
  EXPECT_EQ(intersect(a, {.offset = {4, 4}, .extent = {1, 1}}), std::nullopt);
  EXPECT_EQ(relative_to({.offset = {2, 4}, .extent = {2, 2}}, b),
            (Slice{.offset = {0, 4}, .extent = {2, 2}}));
  EXPECT_EQ(to_string(a), "[0:4, 4:8]");
}

TEST(Slice, BoxesOfARangeHoldItsElementsInOrder) {
  const CounterRandom random(5, "boxes");
  for (uint64_t trial = 0; trial < 3000; ++trial) {
    const CounterRandom draw = random.split(trial);
    Shape shape;
    for (uint64_t dim = 0; dim < 1 + draw.below(0, 3); ++dim)
      shape.push_back(1 + static_cast<int64_t>(draw.below(1 + dim, 6)));
    const auto total = static_cast<uint64_t>(num_elements(shape));
    const auto a = static_cast<int64_t>(draw.below(10, total + 1)),
               b = static_cast<int64_t>(draw.below(11, total + 1));
    const auto [begin, end] = std::minmax(a, b);
    std::vector<int64_t> seen;
    const std::vector<Slice> boxes = boxes_of_range(shape, begin, end);
    for (const Slice& box : boxes)
      for (const int64_t element : elements(shape, box)) seen.push_back(element);
    ASSERT_EQ(static_cast<int64_t>(seen.size()), end - begin);
    for (size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], begin + static_cast<int64_t>(i));
    ASSERT_LE(boxes.size(), 2 * shape.size() - 1);
  }
}

TEST(Slice, BoxesOfAScalar) {
  EXPECT_EQ(boxes_of_range({}, 0, 1).size(), 1u);
  EXPECT_TRUE(boxes_of_range({}, 0, 0).empty());
}

TEST(BoxRange, IsCutIntoBoxesOfTheGlobalTensorInOrder) {
  const Shape global{9, 8, 7};
  const CounterRandom random(6, "ranges");
  for (uint64_t trial = 0; trial < 2000; ++trial) {
    const CounterRandom draw = random.split(trial);
    BoxRange range;
    for (uint64_t dim = 0; dim < global.size(); ++dim) {
      const auto extent = static_cast<uint64_t>(global[dim]), offset = draw.below(dim, extent);
      range.box.offset.push_back(static_cast<int64_t>(offset));
      range.box.extent.push_back(1 + static_cast<int64_t>(draw.below(3 + dim, extent - offset)));
    }
    const auto total = static_cast<uint64_t>(range.box.num_elements());
    range.begin = static_cast<int64_t>(draw.below(6, total));
    range.count = 1 + static_cast<int64_t>(draw.below(7, total - static_cast<uint64_t>(range.begin)));

    const std::vector<int64_t> all = elements(global, range.box);
    const std::vector<int64_t> wanted(all.begin() + range.begin, all.begin() + range.begin + range.count);
    std::vector<int64_t> seen;
    for (const RangeBox& box : boxes_of(range)) {
      EXPECT_EQ(box.offset, static_cast<int64_t>(seen.size()));
      for (const int64_t element : elements(global, box.box)) seen.push_back(element);
    }
    ASSERT_EQ(seen, wanted) << to_string(range);

    const Slice bound = bounding_box(range);
    for (size_t dim = 0; dim < global.size(); ++dim) {  // by hand: the least and greatest index of each dim
      const int64_t inner = num_elements(Shape(global.begin() + static_cast<int64_t>(dim) + 1, global.end()));
      int64_t least = global[dim], greatest = -1;
      for (const int64_t element : wanted) {
        const int64_t index = element / inner % global[dim];
        least = std::min(least, index), greatest = std::max(greatest, index);
      }
      ASSERT_EQ(bound.offset[dim], least) << to_string(range);
      ASSERT_EQ(bound.offset[dim] + bound.extent[dim], greatest + 1) << to_string(range);
    }
  }
}

TEST(BoxRange, SaysWhetherItIsTheWholeBox) {
  const Slice box{.offset = {2, 0}, .extent = {2, 3}};
  const BoxRange all{.box = box, .begin = 0, .count = 6}, some{.box = box, .begin = 1, .count = 5};
  EXPECT_TRUE(all.is_whole());
  EXPECT_FALSE(some.is_whole());
  EXPECT_EQ(to_string(all), "[2:4, 0:3]");
  EXPECT_EQ(to_string(some), "[2:4, 0:3] elements 1:6");
}

TEST(BoxRange, OfAScalarOrOfNothing) {
  const BoxRange scalar{.box = whole({}), .begin = 0, .count = 1};
  EXPECT_TRUE(scalar.is_whole());
  EXPECT_EQ(boxes_of(scalar).size(), 1u);
  EXPECT_EQ(bounding_box(scalar), whole({}));
  const BoxRange nothing{.box = whole({4, 2}), .begin = 3, .count = 0};
  EXPECT_TRUE(boxes_of(nothing).empty());
  EXPECT_THROW(bounding_box(nothing), BugError);
}

}  // namespace
}  // namespace tandem::layout
