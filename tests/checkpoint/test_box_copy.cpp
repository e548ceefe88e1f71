// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>
#include <vector>

#include <gtest/gtest.h>

#include "tandem/base/random.h"
#include "tandem/checkpoint/box_copy.h"

namespace tandem::checkpoint {
namespace {

using layout::Shape;
using layout::Slice;

Slice random_box(const CounterRandom& random, const Shape& shape) {
  Slice box;
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    const auto offset = static_cast<int64_t>(random.below(2 * dim, static_cast<uint64_t>(shape[dim])));
    box.offset.push_back(offset);
    box.extent.push_back(
        1 + static_cast<int64_t>(random.below(2 * dim + 1, static_cast<uint64_t>(shape[dim] - offset))));
  }
  return box;
}

// The flat index in the tensor of each element of a box, in order.
std::vector<int64_t> elements_of(const Shape& shape, const Slice& box) {
  std::vector<int64_t> elements{0};
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    std::vector<int64_t> next;
    for (const int64_t element : elements)
      for (int64_t i = 0; i < box.extent[dim]; ++i)
        next.push_back(element * shape[dim] + box.offset[dim] + i);
    elements = std::move(next);
  }
  return elements;
}

TEST(BoxCopy, FindsEachSharedElementInBothBoxes) {
  int pairs_that_share = 0;
  for (uint64_t round = 0; round < 300; ++round) {
    const CounterRandom random(3, "boxes", round);
    Shape shape;
    for (uint64_t dim = 0; dim < 1 + round % 4; ++dim)
      shape.push_back(1 + static_cast<int64_t>(random.below(dim, 5)));
    const Slice source = random_box(random.split("source"), shape),
                target = random_box(random.split("target"), shape);
    const std::vector<int64_t> in_source = elements_of(shape, source), in_target = elements_of(shape, target);
    const auto copy = BoxCopy::between(source, target);
    std::vector<int64_t> shared;
    std::ranges::set_intersection(in_source, in_target, std::back_inserter(shared));
    ASSERT_EQ(copy.has_value(), !shared.empty());
    if (!copy) continue;
    ++pairs_that_share;
    ASSERT_EQ(copy->num_elements(), static_cast<int64_t>(shared.size()));
    for (int64_t i = 0; i < copy->num_elements(); ++i) {
      const auto source_run = copy->source_run(i), target_run = copy->target_run(i);
      ASSERT_LE(i + std::max(source_run.length, target_run.length), copy->num_elements());
      for (int64_t j = 0; j < source_run.length; ++j)
        ASSERT_EQ(in_source.at(static_cast<size_t>(source_run.offset + j)),
                  shared[static_cast<size_t>(i + j)]);
      for (int64_t j = 0; j < target_run.length; ++j)
        ASSERT_EQ(in_target.at(static_cast<size_t>(target_run.offset + j)),
                  shared[static_cast<size_t>(i + j)]);
    }
  }
  EXPECT_GT(pairs_that_share, 100);
}

TEST(BoxCopy, WholeRowsAreOneRun) {
  const Slice stored{.offset = {2, 0}, .extent = {4, 10}}, wanted{.offset = {3, 0}, .extent = {2, 10}};
  const auto copy = BoxCopy::between(stored, wanted);
  EXPECT_EQ(copy->source_run(0).length, 20);
  EXPECT_EQ(copy->source_run(0).offset, 10);
  EXPECT_EQ(copy->target_run(5).length, 15);
}

TEST(BoxCopy, AScalarIsOneElement) {
  const auto copy = BoxCopy::between({}, {});
  EXPECT_EQ(copy->num_elements(), 1);
  EXPECT_EQ(copy->source_run(0).length, 1);
}

}  // namespace
}  // namespace tandem::checkpoint
