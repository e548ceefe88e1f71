// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

#include "tandem/base/descriptor.h"

namespace tandem::checkpoint {

/// Holds a folder for one process: a lock of the system's on its `run.lock`, which ends with the process,
/// however that ends. The file stays. Movable.
class FolderLock {
 public:
  static constexpr const char* kFileName = "run.lock";

  /// Creates the folder if need be and takes the lock. `key` is what the user would change, for messages.
  /// EnvironmentError where another process holds it (named by process id and host) or the disk fails;
  /// InputError where the path cannot be a folder, may not be written, or lies in that of
  /// a step.
  FolderLock(const std::filesystem::path& folder, std::string_view key);

  /// Throws EnvironmentError unless the folder at the path is still the one that is held: another process may
  /// hold what has taken its place.
  void check() const;

 private:
  std::filesystem::path path_;
  Descriptor lock_;
};

}  // namespace tandem::checkpoint
