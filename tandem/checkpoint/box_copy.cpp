// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/box_copy.h"

#include <utility>

namespace tandem::checkpoint {

using layout::Slice;

namespace {

// Elements of `common` that are consecutive in `box`: the innermost dims that it fills, and one more.
int64_t run_length(const Slice& common, const Slice& box) {
  int64_t run = 1;
  for (size_t dim = box.extent.size(); dim-- > 0;) {
    run *= common.extent[dim];
    if (common.extent[dim] != box.extent[dim]) break;
  }
  return run;
}

}  // namespace

std::optional<BoxCopy> BoxCopy::between(const Slice& source, const Slice& target) {
  std::optional<Slice> common = layout::intersect(source, target);
  if (!common) return std::nullopt;
  return BoxCopy(std::move(*common), source, target);
}

BoxCopy::BoxCopy(Slice common, const Slice& source, const Slice& target)
    : common_(std::move(common)),
      source_(source),
      target_(target),
      num_elements_(common_.num_elements()),
      source_run_(run_length(common_, source)),
      target_run_(run_length(common_, target)) {}

BoxCopy::Run BoxCopy::run_at(int64_t element, const Slice& box, int64_t run) const {
  int64_t offset = 0, stride = 1, rest = element;
  for (size_t dim = box.extent.size(); dim-- > 0;) {
    const int64_t coordinate = rest % common_.extent[dim] + common_.offset[dim] - box.offset[dim];
    rest /= common_.extent[dim];
    offset += coordinate * stride;
    stride *= box.extent[dim];
  }
  return {.offset = offset, .length = run - element % run};
}

}  // namespace tandem::checkpoint
