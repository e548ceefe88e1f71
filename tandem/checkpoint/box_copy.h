// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "tandem/layout/slice.h"

namespace tandem::checkpoint {

/// The elements that two boxes of one tensor share, counted 0, 1, … in row-major order, and where each lies
/// in either box's own row-major buffer. Pure arithmetic.
class BoxCopy {
 public:
  /// Returns nothing where the boxes share no element.
  static std::optional<BoxCopy> between(const layout::Slice& source, const layout::Slice& target);

  int64_t num_elements() const { return num_elements_; }

  /// Where a shared element lies, and how many shared elements from it on lie one behind another.
  struct Run {
    int64_t offset = 0;
    int64_t length = 0;
  };
  Run source_run(int64_t element) const { return run_at(element, source_, source_run_); }
  Run target_run(int64_t element) const { return run_at(element, target_, target_run_); }

 private:
  BoxCopy(layout::Slice common, const layout::Slice& source, const layout::Slice& target);
  Run run_at(int64_t element, const layout::Slice& box, int64_t run) const;

  layout::Slice common_, source_, target_;
  int64_t num_elements_ = 0, source_run_ = 0, target_run_ = 0;
};

}  // namespace tandem::checkpoint
