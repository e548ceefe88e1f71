// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "tandem/checkpoint/retention.h"

namespace tandem::checkpoint {

/// The saved steps that wait to be copied to another tier. The newest goes first. When a newer one comes, an
/// older one whose copy has not begun is skipped, unless retention would keep it for another reason than
/// being new: all where all stay, those that `every` divides, the best of those that wait. One that failed is
/// tried again when the next one comes, if it is still wanted then. Pure; not thread-safe.
class CopyQueue {
 public:
  explicit CopyQueue(const RetentionRule& rule) : rule_(rule) {}

  /// Of steps that come together, which are kept is decided together.
  void add(const std::vector<KeptStep>& steps);
  /// Returns the step to be copied next, which is under way then; nothing where none is left to be tried.
  std::optional<KeptStep> take();
  /// Ends the copy under way.
  void succeed();
  void fail();

  /// Returns the steps that the first tier must keep: the newest, the one under way, those that wait.
  std::set<int64_t> needed() const;
  /// Returns the steps that were skipped since it was last asked, ascending.
  std::vector<int64_t> take_skipped();

 private:
  void skip_superseded();

  RetentionRule rule_;
  std::optional<int64_t> newest_;
  std::vector<KeptStep> waiting_;
  std::set<int64_t> tried_;  // of those that wait
  std::optional<KeptStep> under_way_;
  std::set<int64_t> skipped_;
};

}  // namespace tandem::checkpoint
