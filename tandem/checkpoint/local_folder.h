// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "tandem/checkpoint/folder_lock.h"

namespace tandem::checkpoint {

/// A folder of steps on a node's own disk, held by one process at a time: the first rank of the node. Its
/// local.json says whose it is. Movable.
class LocalFolder {
 public:
  /// Who the folder belongs to.
  struct Owner {
    std::string run_id;
    std::filesystem::path checkpoints;  ///< absolute: where the steps are copied to
  };
  /// Creates the folder if need be and takes its lock. Errors as FolderLock.
  static LocalFolder open(const std::filesystem::path& folder) { return LocalFolder(folder); }

  /// Marks it as the run's. Errors as check_owner.
  void mark(const Owner& owner) const;

  /// Throws InputError where the folder is marked as another run's, or as that of a run of which this is a
  /// copy: its steps lie elsewhere, and are there still. Leaves it as it is.
  static void check_owner(const std::filesystem::path& folder, const Owner& owner);

  /// As RunFolder::check.
  void check() const { lock_.check(); }

 private:
  explicit LocalFolder(const std::filesystem::path& folder);

  std::filesystem::path folder_;
  FolderLock lock_;
};

/// Files of a step.
struct HeldFiles {
  size_t held = 0;
  size_t all = 0;
};

/// Throws InputError where the step is in a folder of a node's own disk: that it lacks files is no damage, as
/// other nodes have them.
void require_not_of_a_node(const std::filesystem::path& step_folder, const HeldFiles& files);

}  // namespace tandem::checkpoint
