// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace tandem::layout
