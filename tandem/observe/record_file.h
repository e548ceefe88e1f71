// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

namespace tandem::observe {

/// A file that grows by whole records. One owner, one thread.
class RecordFile {
 public:
  /// Opens `path` for appending, making file and folder if missing. Throws EnvironmentError.
  explicit RecordFile(std::filesystem::path path);
  ~RecordFile();
  RecordFile(const RecordFile&) = delete;
  RecordFile& operator=(const RecordFile&) = delete;

  /// Appends a record. Throws EnvironmentError (a full disk, say); the file then ends as it did before.
  void append(std::string_view record);
  /// Makes all that was appended survive a loss of power. Throws EnvironmentError.
  void sync();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int descriptor_;
};

}  // namespace tandem::observe
