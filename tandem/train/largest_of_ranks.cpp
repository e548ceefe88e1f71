// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/largest_of_ranks.h"

#include <ATen/ATen.h>

namespace tandem::train {

std::vector<int64_t> largest_of_ranks(const comm::Group& group, const std::vector<int64_t>& mine) {
  at::Tensor numbers = at::tensor(mine, at::kLong);
  group.all_reduce(numbers, comm::Reduce::kMax);
  const auto* first = numbers.const_data_ptr<int64_t>();
  return {first, first + mine.size()};
}

}  // namespace tandem::train
