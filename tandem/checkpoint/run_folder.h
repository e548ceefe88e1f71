// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tandem/checkpoint/folder_lock.h"

namespace tandem::checkpoint {

/// What a run keeps over its life; stored in run.json.
struct RunIdentity {
  std::string run_id;      ///< 32 random hex digits
  int64_t generation = 0;  ///< how often the run was started again
};

/// A run's folder and that of its checkpoints, held by one process at a time (rank 0 of the run). Movable.
class RunFolder {
 public:
  /// Creates the folders if need be, takes their locks and counts the start. `checkpoints` is given where the
  /// steps do not lie in `folder`/checkpoints; run.json remembers it. Errors as FolderLock; EnvironmentError
  /// for a damaged run.json, InputError for one of a newer format.
  static RunFolder open(const std::filesystem::path& folder,
                        const std::optional<std::filesystem::path>& checkpoints = {});

  /// Returns the identity; send it to the other ranks.
  const RunIdentity& identity() const { return identity_; }

  /// Throws EnvironmentError if a held folder was removed or replaced: before something is saved there.
  void check() const;

 private:
  RunFolder() = default;

  std::vector<FolderLock> locks_;
  RunIdentity identity_;
};

/// Returns who the run of a folder is; nothing where it never started. Errors as RunFolder::open.
std::optional<RunIdentity> identity_of_run(const std::filesystem::path& folder);

/// Returns where the steps of a run's folder lie. Errors as RunFolder::open.
std::filesystem::path checkpoints_of_run(const std::filesystem::path& folder);

}  // namespace tandem::checkpoint
