// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/failure_count.h"

namespace tandem::train {

void FailureCount::note(const std::optional<checkpoint::Failure>& failure) {
  if (are_too_many()) return;
  in_a_row_ = failure ? in_a_row_ + 1 : 0;
  last_ = failure;
}

void FailureCount::raise(std::string_view what) const {
  checkpoint::Failure failure = last_.value();
  if (in_a_row_ > 1)
    failure.message = fmt::format("{} {} in a row failed, the last: {}", in_a_row_, what, failure.message);
  checkpoint::raise(failure);
}

}  // namespace tandem::train
