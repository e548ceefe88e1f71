// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "tandem/checkpoint/background_copier.h"
#include "tandem/checkpoint/background_saver.h"
#include "tandem/checkpoint/run_folder.h"
#include "tandem/comm/rendezvous.h"
#include "tandem/data/dataset.h"
#include "tandem/train/failure_count.h"
#include "tandem/train/restore.h"
#include "tandem/train/resume.h"
#include "tandem/train/run_config.h"
#include "tandem/train/run_start.h"
#include "tandem/train/sharded_model.h"

namespace tandem::train {

/// Saves a run's steps: in the background by default; a step that is due while another is still being saved
/// waits for it. Where nodes have folders of their own, steps are saved there, and another thread copies them
/// to where they stay; no step waits for that. A save or copy that fails is told, and the next step that is
/// due is tried again, until too many of either have failed in a row. All ranks make one and call the same
/// functions.
class StepSaver {
 public:
  /// Takes the memory that saves beside training need, and tells the launcher where the run goes on. The
  /// references must outlive this. EnvironmentError where there is none.
  StepSaver(const RunConfig& config, const data::Dataset& data, ShardedModel& model, const comm::World& world,
            const HeldRun& run, const Start& start);

  /// Takes note of saves and copies that are over, and returns how many in a row have failed as far as this
  /// rank knows. Warns once of a copy that takes long. Does not communicate.
  int64_t poll();

  /// Throws EnvironmentError, on all ranks, once as many saves or copies in a row have failed as are too
  /// many. `failures` is the largest of what poll() has returned on all ranks.
  void check(int64_t failures);

  /// What must be done before a step may be saved, once no other is being saved. What it returns is the same
  /// on all ranks; a failure is one of that step's save.
  using Preparation = std::function<std::optional<checkpoint::Failure>()>;

  /// Begins to save this step, once the one before is over on all ranks. Errors as check, of which `failures`
  /// is.
  void save(const Position& position, int64_t failures, const Preparation& prepare);

  /// Waits for the save under way, then saves this step while the caller waits. A failure is thrown. As all
  /// that waits for a save, it communicates once a second, and the loss of a rank is thrown.
  void save_last(const Position& position, const Preparation& prepare);

  /// Waits until the newest step lies where it stays, and all ranks know. A failure is thrown; so is the loss
  /// of a rank. Communicates once a second.
  void finish();

 private:
  checkpoint::StepDescription describe(const Position& position) const;
  /// What a rank, or any rank, says of its saves or copies.
  struct State {
    bool is_busy = false, is_broken = false;
  };
  State of_any_rank(const State& mine) const;
  /// Waits at most a second for this rank's save, and tells whether any rank's is under way.
  bool is_any_saving();
  void await_save();
  checkpoint::SaveOutcome save_in_place(const Position& position, std::span<const checkpoint::Piece> pieces);
  void note_save(const checkpoint::SaveOutcome& outcome);
  void note_copy(const checkpoint::SaveOutcome& outcome);
  void warn_of_slow_copy();
  [[noreturn]] void throw_lost() const;
  bool goes_beside_training(std::span<const checkpoint::Piece> pieces) const;

  const RunConfig& config_;
  const data::Dataset& data_;
  ShardedModel& model_;
  checkpoint::RunIdentity identity_;
  std::vector<checkpoint::StoredRole> roles_;
  std::shared_ptr<checkpoint::BackgroundCopier> copier_;  // the saving thread's too; or none
  checkpoint::BackgroundSaver saver_;
  FailureCount failed_saves_, failed_copies_;
  std::chrono::milliseconds between_meetings_;
  std::optional<checkpoint::SaveOutcome> newest_copy_;
  std::optional<int64_t> slow_copy_;  // that was warned of
};

}  // namespace tandem::train
