// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/background_saver.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include <sys/resource.h>

#include "tandem/base/error.h"
#include "tandem/checkpoint/staging.h"
#include "tandem/checkpoint/verify.h"

namespace tandem::checkpoint {

namespace {

constexpr std::chrono::seconds kGrace{1};

// What computes comes first where there are fewer processors than threads. Of this thread alone, on Linux.
void yield_to_training() {
  constexpr int kNicer = 5;
  ::setpriority(PRIO_PROCESS, 0, ::getpriority(PRIO_PROCESS, 0) + kNicer);
}

}  // namespace

// All that the thread touches, so that it may outlive its owner.
struct BackgroundSaver::Work {
  NewStep step;  // its description is that of the save under way
  std::unique_ptr<Agreement> agreement;
  AroundSave around;
  Staging staging;

  std::mutex mutex;
  std::condition_variable changed;
  bool is_busy = false;
  bool is_abandoned = false;
  bool is_broken = false;
  std::optional<SaveOutcome> outcome;

  SaveOutcome save(const StepDescription& description, std::span<const Piece> pieces) {
    SaveOutcome result{.step = description.step, .folder = {}, .failure = {}};
    step.description = description;
    agreement->begin_exchange();
    result.failure = attempt([&] {
      around.before(*agreement);
      result.folder = save_step(step, pieces, *agreement);
      // What only a node reaches is read when it is copied.
      if (step.keeper == Keeper::kFirstRank) read_back(result.folder, {}, *agreement);
    });
    // Without the lock: what it does may take as long as the disk likes.
    if (!result.failure && !abandoned())
      around.after({.step = description.step, .validation_loss = description.validation_loss});
    return result;
  }

  bool abandoned() {
    const std::lock_guard lock(mutex);
    return is_abandoned;
  }
};

BackgroundSaver::BackgroundSaver(SavePlace place, std::vector<layout::TensorSpec> tensors,
                                 std::unique_ptr<Agreement> agreement, AroundSave around)
    : work_(std::make_shared<Work>()) {
  work_->step = {.folder = std::move(place.folder),
                 .keeper = place.keeper,
                 .description = {},
                 .tensors = std::move(tensors)};
  work_->agreement = std::move(agreement);
  work_->around = std::move(around);
}

BackgroundSaver::~BackgroundSaver() {
  if (!thread_.joinable()) return;
  std::unique_lock lock(work_->mutex);
  if (work_->changed.wait_for(lock, kGrace, [&] { return !work_->is_busy; })) {
    lock.unlock();
    thread_.join();
  } else {
    work_->is_abandoned = true;
    thread_.detach();
  }
}

bool BackgroundSaver::is_busy() const {
  const std::lock_guard lock(work_->mutex);
  return work_->is_busy;
}

void BackgroundSaver::check_idle() const {
  TANDEM_CHECK(!is_busy() && !work_->outcome, "a save was begun before the last one was over");
}

void BackgroundSaver::reserve(std::span<const Piece> pieces) { work_->staging.reserve(pieces); }

void BackgroundSaver::begin(const StepDescription& description, std::span<const Piece> pieces, int threads) {
  check_idle();
  begin_thread(description, work_->staging.copy(pieces, threads));
}

void BackgroundSaver::begin_in_place(const StepDescription& description, std::span<const Piece> pieces) {
  check_idle();
  begin_thread(description, {pieces.begin(), pieces.end()});
}

void BackgroundSaver::begin_thread(const StepDescription& description, std::vector<Piece> pieces) {
  wait();
  work_->is_busy = true;
  thread_ = std::thread([work = work_, description, pieces = std::move(pieces)] {
    yield_to_training();
    SaveOutcome outcome = work->save(description, pieces);
    const std::lock_guard lock(work->mutex);
    if (outcome.failure && outcome.failure->is_lost_peer) work->is_broken = true;
    work->outcome = std::move(outcome);
    work->is_busy = false;
    work->changed.notify_all();
  });
}

void BackgroundSaver::wait() {
  if (thread_.joinable()) thread_.join();
}

bool BackgroundSaver::wait_for(std::chrono::milliseconds at_most) {
  std::unique_lock lock(work_->mutex);
  return work_->changed.wait_for(lock, at_most, [&] { return !work_->is_busy; });
}

bool BackgroundSaver::is_broken() const {
  const std::lock_guard lock(work_->mutex);
  return work_->is_broken;
}

std::optional<SaveOutcome> BackgroundSaver::take_outcome() {
  if (is_busy()) return std::nullopt;
  wait();
  return std::exchange(work_->outcome, std::nullopt);
}

}  // namespace tandem::checkpoint
