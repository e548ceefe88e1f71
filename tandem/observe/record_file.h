// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace tandem::observe {

/// A file that grows by whole records. What a full or failing disk does not take waits in memory and is
/// appended, in order, with what comes later; the process's log says so once, and again when all is written.
/// One owner, one thread.
class RecordFile {
 public:
  /// So many bytes may wait: tens of thousands of records of a step.
  static constexpr size_t kMostWaiting = size_t{16} << 20;

  /// Opens `path` for appending, making file and folder if missing. Throws EnvironmentError.
  explicit RecordFile(std::filesystem::path path);
  ~RecordFile();
  RecordFile(const RecordFile&) = delete;
  RecordFile& operator=(const RecordFile&) = delete;

  /// Appends a record, or lets it wait; the file holds whole records only. Syncs where nobody did for a
  /// megabyte. Throws EnvironmentError once too many bytes wait.
  void append(std::string_view record);
  /// Writes what waits. Throws EnvironmentError; it then waits on.
  void flush();
  /// Makes all that was appended survive a loss of power. Throws EnvironmentError; what was appended since
  /// the last sync is then written anew.
  void sync();
  const std::filesystem::path& path() const { return path_; }

 private:
  int write_waiting();
  int try_to_write();
  bool cut_to_whole();
  int sync_written();

  std::filesystem::path path_;
  int descriptor_;
  off_t synced_;           // bytes of the file that need not be written again
  std::string unsynced_;   // what follows them
  size_t written_ = 0;     // bytes of it that the file has
  bool has_more_ = false;  // the file, than those: what could not be cut off
  bool failed_ = false;    // the last time it wrote
};

}  // namespace tandem::observe
