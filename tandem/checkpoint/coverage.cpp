// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/coverage.h"

#include <algorithm>
#include <numeric>
#include <set>

#include <fmt/format.h>

namespace tandem::checkpoint {

namespace {

using layout::Shape;
using layout::Slice;

// A box of a layout meets a few of each tensor rank. Without a bound a manifest of some megabytes could keep
// its reader busy for days.
constexpr int64_t kComparisonsABox = 4096, kComparisonsAtLeast = 1'000'000;

bool is_inside(const Slice& box, const Shape& shape) {
  if (box.offset.size() != shape.size() || box.extent.size() != shape.size()) return false;
  for (size_t dim = 0; dim < shape.size(); ++dim)
    if (box.offset[dim] < 0 || box.extent[dim] < 1 || box.extent[dim] > shape[dim] ||
        box.offset[dim] > shape[dim] - box.extent[dim])
      return false;
  return true;
}

bool overlap(const Slice& a, const Slice& b) {
  for (size_t dim = 0; dim < a.offset.size(); ++dim)
    if (a.offset[dim] >= b.offset[dim] + b.extent[dim] || b.offset[dim] >= a.offset[dim] + a.extent[dim])
      return false;
  return true;
}

// The dim along which the fewest boxes lie side by side.
size_t sweep_dim(const Shape& shape, const std::vector<Slice>& boxes) {
  size_t best = 0, most = 0;
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    std::set<int64_t> starts;
    for (const Slice& box : boxes) starts.insert(box.offset[dim]);
    if (starts.size() > most) best = dim, most = starts.size();
  }
  return best;
}

// Sweeps along one dim and compares each box with those that it meets there.
std::optional<std::string> find_overlap(const Shape& shape, const std::vector<Slice>& boxes) {
  if (shape.empty())
    return boxes.size() > 1 ? std::optional<std::string>("more than one slice of a scalar") : std::nullopt;
  const size_t dim = sweep_dim(shape, boxes);
  std::vector<const Slice*> order;
  for (const Slice& box : boxes) order.push_back(&box);
  std::stable_sort(order.begin(), order.end(),
                   [&](const Slice* a, const Slice* b) { return a->offset[dim] < b->offset[dim]; });
  std::vector<const Slice*> open;
  int64_t comparisons = 0;
  for (const Slice* box : order) {
    std::erase_if(open, [&](const Slice* o) { return o->offset[dim] + o->extent[dim] <= box->offset[dim]; });
    comparisons += std::ssize(open);
    if (comparisons > kComparisonsABox * std::ssize(boxes) + kComparisonsAtLeast)
      return "slices lie across one another in a way that no layout makes";
    for (const Slice* other : open)
      if (overlap(*box, *other))
        return fmt::format("slices {} and {} overlap", layout::to_string(*other), layout::to_string(*box));
    open.push_back(box);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> coverage_problem(const Shape& shape, const std::vector<Slice>& boxes) {
  for (const Slice& box : boxes)
    if (!is_inside(box, shape))
      // Not as a range: the sum of what a damaged file says may not be a number.
      return fmt::format("the slice at [{}] of extent [{}] does not lie inside the shape [{}]",
                         fmt::join(box.offset, ", "), fmt::join(box.extent, ", "), fmt::join(shape, ", "));
  if (std::optional<std::string> problem = find_overlap(shape, boxes)) return problem;
  // Boxes that lie inside and share nothing cover all exactly when their sizes add up.
  const int64_t covered =
      std::accumulate(boxes.begin(), boxes.end(), int64_t{0},
                      [](int64_t sum, const Slice& box) { return sum + box.num_elements(); });
  const int64_t all = layout::num_elements(shape);
  if (covered != all) return fmt::format("slices cover {} of {} elements", covered, all);
  return std::nullopt;
}

}  // namespace tandem::checkpoint
