// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "tandem/checkpoint/agreement.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/manifest.h"
#include "tandem/checkpoint/retention.h"
#include "tandem/checkpoint/writer.h"

namespace tandem::checkpoint {

/// How a save ended, the same on all ranks.
struct SaveOutcome {
  int64_t step = 0;
  std::filesystem::path folder;  ///< of the saved step
  /// Why there is none, or why what was read back is not good.
  std::optional<Failure> failure;
};

/// Where a rank saves.
struct SavePlace {
  std::filesystem::path folder;  ///< of steps
  Keeper keeper = Keeper::kFirstRank;
};

/// What belongs to each save, on the saving thread of every rank. It may be called after the saver is gone.
struct AroundSave {
  /// Before anything is written; may communicate. What it throws fails the save.
  std::function<void(Agreement&)> before = [](Agreement&) {};
  /// After each step that was saved; must not throw.
  std::function<void(const KeptStep&)> after = [](const KeptStep&) {};
};

/// Saves steps beside training, one at a time: copies what is to be saved, then writes it on a thread of its
/// own, and once the step is there each rank reads back what another has written, where all reach it. All
/// ranks make one and use it alike, from one thread.
class BackgroundSaver {
 public:
  /// `agreement` is for this object alone: its thread communicates while others do.
  BackgroundSaver(SavePlace place, std::vector<layout::TensorSpec> tensors,
                  std::unique_ptr<Agreement> agreement, AroundSave around);
  /// Gives the save under way a second to end. One that waits for lost ranks is left to itself: what it has
  /// written is no step then, and goes with the next save.
  ~BackgroundSaver();
  BackgroundSaver(const BackgroundSaver&) = delete;
  BackgroundSaver& operator=(const BackgroundSaver&) = delete;

  /// Tells whether this rank is still saving.
  bool is_busy() const;

  /// Takes the memory that `begin` needs to copy such pieces into; without it the first save does.
  /// EnvironmentError where there is none.
  void reserve(std::span<const Piece> pieces);

  /// Copies the pieces' values on `threads` threads and begins to save them as save_step does; what the
  /// pieces point at may change once it returns. Nothing may be under way, and the last outcome must be
  /// taken.
  void begin(const StepDescription& description, std::span<const Piece> pieces, int threads);

  /// As begin, without a copy: what the pieces point at must stay as it is until the save is over. It is not
  /// freed before if the pieces keep it.
  void begin_in_place(const StepDescription& description, std::span<const Piece> pieces);

  /// Waits for the save under way, if there is one.
  void wait();
  /// Waits at most so long; tells whether nothing is under way.
  bool wait_for(std::chrono::milliseconds at_most);

  /// Tells whether this rank has lost the others in some save: those may wait for it ever since.
  bool is_broken() const;

  /// Returns how the last save ended, once; nothing while it is under way, or where none was begun.
  std::optional<SaveOutcome> take_outcome();

 private:
  struct Work;
  void check_idle() const;
  void begin_thread(const StepDescription& description, std::vector<Piece> pieces);

  std::shared_ptr<Work> work_;  // the thread's too
  std::thread thread_;
};

}  // namespace tandem::checkpoint
