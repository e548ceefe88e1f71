// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/background_copier.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <sstream>
#include <string>
#include <utility>

#include "tandem/checkpoint/step_copy.h"

namespace tandem::checkpoint {

namespace {

constexpr std::chrono::seconds kGrace{1};
using Clock = std::chrono::steady_clock;

// What rank 0 tells the others to do next.
struct Order {
  std::optional<KeptStep> step;  // to be copied; else nothing is left of
  int64_t offers = 0;            // so many offers
};

std::string text_of(const Order& order) {
  return order.step ? fmt::format("copy {} {}", order.step->step, order.step->seal)
                    : fmt::format("idle {}", order.offers);
}

Order order_of(const std::string& text) {
  std::istringstream words(text);
  std::string verb, seal;
  int64_t number = 0;
  words >> verb >> number >> seal;
  if (verb != "copy") return {.step = {}, .offers = number};
  return {.step = KeptStep{.step = number, .validation_loss = {}, .seal = std::move(seal)}};
}

}  // namespace

// All that the thread touches, so that it may outlive its owner.
struct BackgroundCopier::Work {
  const Tiers tiers;
  const std::unique_ptr<Agreement> agreement;
  const std::function<void(int64_t)> copied;

  mutable std::mutex mutex;
  std::condition_variable changed;
  CopyQueue queue;  // rank 0
  std::optional<UnderWay> current;
  int64_t offers = 0, handled = 0, newest = 0;  // newest step offered
  std::vector<SaveOutcome> outcomes;
  std::optional<Failure> broken;  // the ranks cannot talk to each other any more
  bool is_ending = false, has_ended = false;

  bool is_idle() const { return broken || handled >= offers; }

  // Each offer wakes all ranks; rank 0 then gives orders until nothing is left of as many offers as it knows.
  void run() {
    for (;;) {
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return is_ending || handled < offers; });
        if (is_ending) return;
      }
      try {
        while (const std::optional<KeptStep> step = order()) copy(*step);
      } catch (const std::exception&) {
        const std::lock_guard lock(mutex);
        broken = attempt([] { throw; });
        outcomes.push_back({.step = current ? current->step : newest, .folder = {}, .failure = broken});
        current.reset();
        changed.notify_all();
        return;
      }
    }
  }

  std::optional<KeptStep> order() {
    std::string text;
    agreement->begin_exchange();
    if (agreement->rank() == 0) {
      const std::lock_guard lock(mutex);
      text = text_of({.step = is_ending ? std::nullopt : queue.take(), .offers = offers});
    }
    const Order order = order_of(agreement->broadcast(text));
    const std::lock_guard lock(mutex);
    if (order.step)
      current = {.step = order.step->step, .since = Clock::now()};
    else
      handled = order.offers;
    changed.notify_all();
    return order.step;
  }

  void copy(const KeptStep& step) {
    SaveOutcome outcome{.step = step.step, .folder = {}, .failure = {}};
    outcome.failure = attempt([&] { outcome.folder = copy_step(tiers, step, *agreement); });
    bool is_wanted = false;
    {
      const std::lock_guard lock(mutex);
      if (agreement->rank() == 0) outcome.failure ? queue.fail() : queue.succeed();
      is_wanted = !outcome.failure && !is_ending && agreement->rank() == 0;
    }
    // Without the lock: what it does may take as long as the disk likes.
    if (is_wanted) attempt([&] { copied(step.step); });
    const std::lock_guard lock(mutex);
    current.reset();
    outcomes.push_back(std::move(outcome));
    changed.notify_all();
  }
};

BackgroundCopier::BackgroundCopier(Tiers tiers, const RetentionRule& rule,
                                   std::unique_ptr<Agreement> agreement,
                                   std::function<void(int64_t step)> copied)
    : work_(new Work{.tiers = std::move(tiers),
                     .agreement = std::move(agreement),
                     .copied = std::move(copied),
                     .mutex = {},
                     .changed = {},
                     .queue = CopyQueue(rule),
                     .current = {},
                     .outcomes = {},
                     .broken = {}}),
      thread_([work = work_] {
        work->run();
        const std::lock_guard lock(work->mutex);
        work->has_ended = true;
        work->changed.notify_all();
      }) {}

BackgroundCopier::~BackgroundCopier() {
  std::unique_lock lock(work_->mutex);
  work_->is_ending = true;
  work_->changed.notify_all();
  const bool has_ended = work_->changed.wait_for(lock, kGrace, [&] { return work_->has_ended; });
  lock.unlock();
  has_ended ? thread_.join() : thread_.detach();
}

void BackgroundCopier::offer(const std::vector<KeptStep>& steps) {
  if (steps.empty()) return;
  const std::lock_guard lock(work_->mutex);
  ++work_->offers;
  for (const KeptStep& step : steps) work_->newest = std::max(work_->newest, step.step);
  if (work_->agreement->rank() == 0) work_->queue.add(steps);
  if (work_->broken)
    work_->outcomes.push_back({.step = work_->newest, .folder = {}, .failure = work_->broken});
  work_->changed.notify_all();
}

std::set<int64_t> BackgroundCopier::needed() const {
  const std::lock_guard lock(work_->mutex);
  return work_->queue.needed();
}

std::vector<int64_t> BackgroundCopier::take_skipped() {
  const std::lock_guard lock(work_->mutex);
  return work_->queue.take_skipped();
}

std::vector<SaveOutcome> BackgroundCopier::take_outcomes() {
  const std::lock_guard lock(work_->mutex);
  return std::exchange(work_->outcomes, {});
}

bool BackgroundCopier::wait_for_outcome(std::chrono::milliseconds at_most) {
  std::unique_lock lock(work_->mutex);
  work_->changed.wait_for(lock, at_most, [&] { return !work_->outcomes.empty() || work_->is_idle(); });
  return !work_->outcomes.empty();
}

bool BackgroundCopier::wait(std::chrono::milliseconds at_most) {
  std::unique_lock lock(work_->mutex);
  return work_->changed.wait_for(lock, at_most, [&] { return work_->is_idle(); });
}

bool BackgroundCopier::is_broken() const {
  const std::lock_guard lock(work_->mutex);
  return work_->broken.has_value();
}

std::optional<BackgroundCopier::UnderWay> BackgroundCopier::under_way() const {
  const std::lock_guard lock(work_->mutex);
  return work_->current;
}

}  // namespace tandem::checkpoint
