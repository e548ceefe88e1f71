// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace tandem::model {

/// Sequences of token ids that share their beginnings: each node is a position that follows its ancestors,
/// from the root on. Nodes are numbered from 0, the root; parents come before their children.
class TokenTree {
 public:
  static constexpr int64_t kNoParent = -1;

  explicit TokenTree(int64_t root_id) : ids_{root_id}, parents_{kNoParent}, depths_{0} {}

  /// Adds a node below `parent` and returns its number. BugError unless `parent` is a node.
  int64_t add(int64_t parent, int64_t id);

  int64_t size() const { return static_cast<int64_t>(ids_.size()); }
  const std::vector<int64_t>& ids() const { return ids_; }
  const std::vector<int64_t>& parents() const { return parents_; }  ///< the root's is kNoParent
  const std::vector<int64_t>& depths() const { return depths_; }    ///< the root's is 0
  /// Returns the number of nodes on the longest way down from the root.
  int64_t num_levels() const;

 private:
  std::vector<int64_t> ids_, parents_, depths_;
};

}  // namespace tandem::model
