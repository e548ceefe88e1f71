// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/background_saver.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "tandem/base/error.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/staging.h"
#include "tandem/checkpoint/verify.h"

namespace tandem::checkpoint {

namespace {

constexpr std::chrono::seconds kGrace{1};

}  // namespace

// All that the thread touches, so that it may outlive its owner.
struct BackgroundSaver::Work {
  NewStep step;  // its description is that of the save under way
  std::unique_ptr<Agreement> agreement;
  std::function<void(int64_t)> committed;
  Staging staging;

  std::mutex mutex;
  std::condition_variable changed;
  bool is_busy = false;
  bool is_abandoned = false;
  std::optional<SaveOutcome> outcome;

  SaveOutcome save(const StepDescription& description, std::span<const Piece> pieces) {
    SaveOutcome result{.step = description.step, .folder = {}, .failure = {}};
    step.description = description;
    result.failure = attempt([&] {
      result.folder = save_step(step, pieces, *agreement);
      read_back(result.folder);
    });
    const std::lock_guard lock(mutex);
    if (!result.failure && !is_abandoned && agreement->rank() == 0) committed(result.step);
    return result;
  }

  void read_back(const std::filesystem::path& folder) {
    on_every_rank(*agreement, [&] {
      const StepReader saved = StepReader::open_step(folder);
      const auto files = saved.manifest().files.size(), ranks = static_cast<size_t>(agreement->size());
      // Each file by another rank than its writer, where there is one.
      for (size_t file = (static_cast<size_t>(agreement->rank()) + 1) % ranks; file < files; file += ranks)
        verify_file(saved, file);
    });
  }
};

BackgroundSaver::BackgroundSaver(std::filesystem::path folder, std::vector<layout::TensorSpec> tensors,
                                 std::unique_ptr<Agreement> agreement,
                                 std::function<void(int64_t step)> committed)
    : work_(std::make_shared<Work>()) {
  work_->step = {.folder = std::move(folder), .description = {}, .tensors = std::move(tensors)};
  work_->agreement = std::move(agreement);
  work_->committed = std::move(committed);
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

void BackgroundSaver::begin(const StepDescription& description, std::span<const Piece> pieces, int threads) {
  TANDEM_CHECK(!is_busy() && !work_->outcome, "a save was begun before the last one was over");
  wait();
  std::vector<Piece> copies = work_->staging.copy(pieces, threads);
  work_->is_busy = true;
  thread_ = std::thread([work = work_, description, copies = std::move(copies)] {
    SaveOutcome outcome = work->save(description, copies);
    const std::lock_guard lock(work->mutex);
    work->outcome = std::move(outcome);
    work->is_busy = false;
    work->changed.notify_all();
  });
}

SaveOutcome BackgroundSaver::save_now(const StepDescription& description, std::span<const Piece> pieces) {
  TANDEM_CHECK(!is_busy() && !work_->outcome, "a save was begun before the last one was over");
  return work_->save(description, pieces);
}

void BackgroundSaver::wait() {
  if (thread_.joinable()) thread_.join();
}

std::optional<SaveOutcome> BackgroundSaver::take_outcome() {
  if (is_busy()) return std::nullopt;
  wait();
  return std::exchange(work_->outcome, std::nullopt);
}

}  // namespace tandem::checkpoint
