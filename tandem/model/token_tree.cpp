// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/token_tree.h"

#include <algorithm>

#include "tandem/base/error.h"

namespace tandem::model {

int64_t TokenTree::add(int64_t parent, int64_t id) {
  TANDEM_CHECK(parent >= 0 && parent < size(), "node {} of a tree of {}", parent, size());
  ids_.push_back(id);
  parents_.push_back(parent);
  depths_.push_back(depths_[static_cast<size_t>(parent)] + 1);
  return size() - 1;
}

int64_t TokenTree::num_levels() const { return std::ranges::max(depths_) + 1; }

}  // namespace tandem::model
