// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/copy_queue.h"

#include <algorithm>
#include <utility>

#include "tandem/base/error.h"

namespace tandem::checkpoint {

void CopyQueue::add(const std::vector<KeptStep>& steps) {
  for (const KeptStep& step : steps) {
    waiting_.push_back(step);
    newest_ = std::max(step.step, newest_.value_or(step.step));
  }
  tried_.clear();
  skip_superseded();
}

// What is newer than a waiting step may be under way or copied already.
void CopyQueue::skip_superseded() {
  RetentionRule rule = rule_;
  if (rule.newest == 0) return;
  rule.newest = 0;
  std::set<int64_t> kept = kept_steps(waiting_, rule);
  kept.insert(*newest_);
  std::erase_if(waiting_, [&](const KeptStep& step) {
    if (kept.contains(step.step)) return false;
    skipped_.insert(step.step);
    return true;
  });
}

std::optional<KeptStep> CopyQueue::take() {
  TANDEM_CHECK(!under_way_, "two copies at once");
  std::ranges::sort(waiting_, {}, &KeptStep::step);
  for (auto step = waiting_.rbegin(); step != waiting_.rend(); ++step)
    if (!tried_.contains(step->step)) {
      under_way_ = *step;
      waiting_.erase(std::next(step).base());
      return under_way_;
    }
  return std::nullopt;
}

void CopyQueue::succeed() {
  TANDEM_CHECK(under_way_, "no copy is under way");
  under_way_.reset();
}

void CopyQueue::fail() {
  TANDEM_CHECK(under_way_, "no copy is under way");
  tried_.insert(under_way_->step);
  waiting_.push_back(*std::exchange(under_way_, std::nullopt));
  skip_superseded();
}

std::set<int64_t> CopyQueue::needed() const {
  std::set<int64_t> needed;
  if (newest_) needed.insert(*newest_);
  if (under_way_) needed.insert(under_way_->step);
  for (const KeptStep& step : waiting_) needed.insert(step.step);
  return needed;
}

std::vector<int64_t> CopyQueue::take_skipped() {
  const std::set<int64_t> skipped = std::exchange(skipped_, {});
  return {skipped.begin(), skipped.end()};
}

}  // namespace tandem::checkpoint
