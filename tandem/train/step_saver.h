// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "tandem/checkpoint/background_saver.h"
#include "tandem/checkpoint/run_folder.h"
#include "tandem/comm/rendezvous.h"
#include "tandem/data/dataset.h"
#include "tandem/train/resume.h"
#include "tandem/train/run_config.h"
#include "tandem/train/sharded_model.h"

namespace tandem::train {

/// Saves a run's steps: in the background by default; a step that is due while another is still being saved
/// waits for it. A save that fails is told, and the next step that is due is tried again, until too many have
/// failed in a row. All ranks make one and call the same functions.
class StepSaver {
 public:
  /// The references must outlive this. `resumed` is the step that the model was filled from, whose bytes were
  /// all read, or 0.
  StepSaver(const RunConfig& config, const data::Dataset& data, ShardedModel& model, const comm::World& world,
            const checkpoint::RunIdentity& identity, int64_t resumed);

  /// Takes note of a save that is over, and returns how many in a row have failed as far as this rank knows.
  /// Does not communicate.
  int64_t poll();

  /// Throws EnvironmentError, on all ranks, once as many saves in a row have failed as are too many.
  /// `failures` is the largest of what poll() has returned on all ranks.
  void check(int64_t failures);

  /// Begins to save this step. Errors as check.
  void save(const Position& position);

  /// Waits for the save under way, then saves this step while the caller waits. A failure is thrown.
  void save_last(const Position& position);

 private:
  checkpoint::StepDescription describe(const Position& position) const;
  void note(const checkpoint::SaveOutcome& outcome);
  bool fits_staging(std::span<const checkpoint::Piece> pieces) const;

  const RunConfig& config_;
  const data::Dataset& data_;
  ShardedModel& model_;
  checkpoint::RunIdentity identity_;
  std::vector<checkpoint::StoredRole> roles_;
  std::set<int64_t> verified_;  // the saving thread's, on rank 0
  checkpoint::BackgroundSaver saver_;
  int64_t failures_ = 0;  // in a row
  std::optional<checkpoint::Failure> last_failure_;
};

}  // namespace tandem::train
