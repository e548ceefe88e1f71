// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tandem::layout {

using Shape = std::vector<int64_t>;

/// Returns the number of elements of a shape; 1 for a scalar.
int64_t num_elements(const Shape& shape);

/// A box of a global tensor: elements offset[d] .. offset[d] + extent[d] - 1 along each dim d.
struct Slice {
  Shape offset;
  Shape extent;

  int64_t num_elements() const { return layout::num_elements(extent); }
  bool operator==(const Slice&) const = default;
};

/// Returns the slice that is the whole tensor.
Slice whole(const Shape& shape);

/// Returns the common box of two slices of one tensor, or nothing where they share no element.
std::optional<Slice> intersect(const Slice& a, const Slice& b);

/// Returns `inner` as a box of `outer` (offsets relative to it). `inner` must lie inside `outer`.
Slice relative_to(const Slice& inner, const Slice& outer);

/// Cuts elements [begin, end) of a row-major tensor of `shape` into the fewest boxes, in ascending order: at
/// most 2 * dims - 1 of them. The elements of each box are consecutive in the tensor.
std::vector<Slice> boxes_of_range(const Shape& shape, int64_t begin, int64_t end);

/// Returns "[0:4, 2:8]".
std::string to_string(const Slice& slice);

/// Elements [begin, begin + count) of a box of a global tensor, counted in the box's row-major order.
struct BoxRange {
  Slice box;
  int64_t begin = 0;
  int64_t count = 0;

  bool is_whole() const { return begin == 0 && count == box.num_elements(); }
  bool operator==(const BoxRange&) const = default;
};

/// Returns all elements of a box.
BoxRange range_of(Slice box);

/// A box of a global tensor whose elements are consecutive in a range, from its element `offset` on.
struct RangeBox {
  Slice box;
  int64_t offset = 0;
};

/// Cuts a range into the fewest boxes of the global tensor, in the order of the range. They cover it without
/// gaps.
std::vector<RangeBox> boxes_of(const BoxRange& range);

/// Returns the smallest box of the global tensor that holds the range, which must not be empty. Ranges whose
/// bounding boxes share no element share none.
Slice bounding_box(const BoxRange& range);

/// Returns "[0:4, 2:8]" for a whole box, "[0:4, 2:8] elements 3:17" otherwise.
std::string to_string(const BoxRange& range);

}  // namespace tandem::layout
