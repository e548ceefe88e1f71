// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "tandem/checkpoint/agreement.h"
#include "tandem/checkpoint/background_saver.h"
#include "tandem/checkpoint/copy_queue.h"
#include "tandem/checkpoint/tiers.h"

namespace tandem::checkpoint {

/// Copies saved steps from the nodes' own disks to the folder that all ranks share, one at a time, on a
/// thread of its own: nobody waits for it but who calls `wait`. What is copied next and what is skipped,
/// CopyQueue says, on rank 0. All ranks make one and offer the same steps in the same order; it may be used
/// by several threads.
class BackgroundCopier {
 public:
  /// `agreement` is for this object alone, and its deadline one that a slow disk may take. `copied` runs on
  /// the thread of rank 0 after each step that was copied and read back; what it throws is lost.
  BackgroundCopier(Tiers tiers, const RetentionRule& rule, std::unique_ptr<Agreement> agreement,
                   std::function<void(int64_t step)> copied);
  /// As ~BackgroundSaver.
  ~BackgroundCopier();
  BackgroundCopier(const BackgroundCopier&) = delete;
  BackgroundCopier& operator=(const BackgroundCopier&) = delete;

  /// Hands over steps that all nodes have saved, with their seals. Losses matter on rank 0 only.
  void offer(const std::vector<KeptStep>& steps);

  /// Returns, on rank 0, which steps the nodes' disks must keep; elsewhere nothing.
  std::set<int64_t> needed() const;
  /// Returns, on rank 0, the steps skipped since it was last asked; elsewhere nothing.
  std::vector<int64_t> take_skipped();

  /// Returns how the copies ended that did since it was last asked: on all ranks the same, but not at the
  /// same time.
  std::vector<SaveOutcome> take_outcomes();
  /// Waits until there is an outcome to take, or nothing left to do; at most so long. Tells which.
  bool wait_for_outcome(std::chrono::milliseconds at_most);
  /// Waits until all that was offered is copied, skipped or has failed; at most so long. Tells whether it is.
  bool wait(std::chrono::milliseconds at_most);

  /// A copy that is under way.
  struct UnderWay {
    int64_t step = 0;
    std::chrono::steady_clock::time_point since;
  };
  std::optional<UnderWay> under_way() const;

  /// Tells whether this rank has lost the others: each step that is offered fails from then on.
  bool is_broken() const;

 private:
  struct Work;

  std::shared_ptr<Work> work_;  // the thread's too
  std::thread thread_;
};

}  // namespace tandem::checkpoint
