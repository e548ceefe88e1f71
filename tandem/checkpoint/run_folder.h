// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace tandem::checkpoint {

/// What a run keeps over its life; stored in run.json.
struct RunIdentity {
  std::string run_id;      ///< 32 random hex digits
  int64_t generation = 0;  ///< how often the run was started again
};

/// A run's folder, held by one process at a time (rank 0 of the run). The hold is a lock of the system's on
/// `run.lock`: it ends with the process, however that ends. Movable.
class RunFolder {
 public:
  /// Creates the folder if need be, takes the lock and counts the start. EnvironmentError where another
  /// process holds the run (named by folder, process id and host) or the disk fails; InputError where the
  /// path cannot be a folder or may not be written.
  static RunFolder open(const std::filesystem::path& folder);

  RunFolder(RunFolder&& other) noexcept;
  RunFolder& operator=(RunFolder&&) = delete;
  ~RunFolder();

  const std::filesystem::path& path() const { return path_; }
  /// Returns the identity; send it to the other ranks.
  const RunIdentity& identity() const { return identity_; }

 private:
  RunFolder(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::filesystem::path path_;
  int lock_ = -1;
  RunIdentity identity_;
};

}  // namespace tandem::checkpoint
