// SPDX-License-Identifier: Apache-2.0
#include "tandem/layout/slice.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "tandem/base/error.h"

namespace tandem::layout {

int64_t num_elements(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

Slice whole(const Shape& shape) { return {.offset = Shape(shape.size(), 0), .extent = shape}; }

std::optional<Slice> intersect(const Slice& a, const Slice& b) {
  TANDEM_CHECK(a.offset.size() == b.offset.size(), "slices of {} and {} dims", a.offset.size(),
               b.offset.size());
  Slice common;
  for (size_t dim = 0; dim < a.offset.size(); ++dim) {
    const int64_t begin = std::max(a.offset[dim], b.offset[dim]);
    const int64_t end = std::min(a.offset[dim] + a.extent[dim], b.offset[dim] + b.extent[dim]);
    if (begin >= end) return std::nullopt;
    common.offset.push_back(begin);
    common.extent.push_back(end - begin);
  }
  return common;
}

Slice relative_to(const Slice& inner, const Slice& outer) {
  Slice result = inner;
  for (size_t dim = 0; dim < inner.offset.size(); ++dim) {
    result.offset[dim] -= outer.offset[dim];
    TANDEM_CHECK(result.offset[dim] >= 0 && result.offset[dim] + inner.extent[dim] <= outer.extent[dim],
                 "{} is not inside {}", to_string(inner), to_string(outer));
  }
  return result;
}

namespace {

Slice shifted(Slice slice, const Shape& by) {
  for (size_t dim = 0; dim < by.size(); ++dim) slice.offset[dim] += by[dim];
  return slice;
}

// Emits the boxes of [begin, end) inside the sub-tensor that dims `dim`.. span, whose outer indices are
// `prefix`.
void cut(const Shape& shape, size_t dim, Shape& prefix, int64_t begin, int64_t end,
         std::vector<Slice>& boxes) {
  if (begin >= end) return;
  const auto emit = [&](int64_t from, int64_t to) {
    if (from >= to) return;
    Slice box{.offset = prefix, .extent = Shape(prefix.size(), 1)};
    box.offset.push_back(from);
    box.extent.push_back(to - from);
    for (size_t inner = dim + 1; inner < shape.size(); ++inner) {
      box.offset.push_back(0);
      box.extent.push_back(shape[inner]);
    }
    boxes.push_back(std::move(box));
  };
  if (dim + 1 == shape.size()) return emit(begin, end);

  const int64_t row = num_elements(Shape(shape.begin() + static_cast<int64_t>(dim) + 1, shape.end()));
  const auto inside = [&](int64_t index, int64_t from, int64_t to) {
    prefix.push_back(index);
    cut(shape, dim + 1, prefix, from, to, boxes);
    prefix.pop_back();
  };
  const int64_t first = begin / row, last = end / row;
  if (first == last) return inside(first, begin % row, end % row);
  int64_t whole_from = first;
  if (begin % row != 0) {
    inside(first, begin % row, row);
    ++whole_from;
  }
  emit(whole_from, last);
  if (end % row != 0) inside(last, 0, end % row);
}

}  // namespace

std::vector<Slice> boxes_of_range(const Shape& shape, int64_t begin, int64_t end) {
  TANDEM_CHECK(0 <= begin && begin <= end && end <= num_elements(shape), "range [{}, {}) of {} elements",
               begin, end, num_elements(shape));
  std::vector<Slice> boxes;
  if (shape.empty()) {
    if (begin < end) boxes.push_back({});
    return boxes;
  }
  Shape prefix;
  cut(shape, 0, prefix, begin, end, boxes);
  return boxes;
}

std::string to_string(const Slice& slice) {
  std::string text = "[";
  for (size_t dim = 0; dim < slice.offset.size(); ++dim)
    text += fmt::format("{}{}:{}", dim ? ", " : "", slice.offset[dim], slice.offset[dim] + slice.extent[dim]);
  return text + "]";
}

BoxRange range_of(Slice box) {
  const int64_t count = box.num_elements();
  return {.box = std::move(box), .begin = 0, .count = count};
}

std::vector<RangeBox> boxes_of(const BoxRange& range) {
  std::vector<RangeBox> boxes;
  int64_t offset = 0;
  for (Slice& box : boxes_of_range(range.box.extent, range.begin, range.begin + range.count)) {
    const int64_t elements = box.num_elements();
    boxes.push_back({.box = shifted(std::move(box), range.box.offset), .offset = offset});
    offset += elements;
  }
  return boxes;
}

Slice bounding_box(const BoxRange& range) {
  TANDEM_CHECK(0 <= range.begin && range.count >= 1 && range.begin + range.count <= range.box.num_elements(),
               "{}", to_string(range));
  const Shape& shape = range.box.extent;
  Slice bound = whole(shape);
  int64_t first = range.begin, last = range.begin + range.count - 1, row = num_elements(shape);
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    row /= shape[dim];
    bound.offset[dim] = first / row;
    bound.extent[dim] = last / row - first / row + 1;
    // Two indices or more of this dim: what lies inside the first reaches to its end, and that of the last
    // from its beginning.
    if (bound.extent[dim] > 1) break;
    first %= row;
    last %= row;
  }
  return shifted(std::move(bound), range.box.offset);
}

std::string to_string(const BoxRange& range) {
  if (range.is_whole()) return to_string(range.box);
  return fmt::format("{} elements {}:{}", to_string(range.box), range.begin, range.begin + range.count);
}

}  // namespace tandem::layout
