// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tandem::data {

/// Files that appear together or not at all: written under temporary names beside their own, then synced and
/// renamed. What was not published is removed by the destructor. Not thread-safe.
class OutputFiles {
 public:
  OutputFiles() = default;
  ~OutputFiles();
  OutputFiles(const OutputFiles&) = delete;
  OutputFiles& operator=(const OutputFiles&) = delete;

  /// Announces a file and returns the temporary path to write it at. Throws EnvironmentError if its folder
  /// cannot be written; a folder that is missing is made.
  std::string add(const std::string& path);
  /// Announces a file and writes it whole.
  void add(const std::string& path, std::string_view bytes) { write(add(path), bytes); }
  /// Writes a file whole at a path that add() returned.
  static void write(const std::string& temporary, std::string_view bytes);
  /// Puts all files in place, in the order they were announced. An older last file is removed first, so that
  /// a reader that needs it never sees old and new files mixed. Throws EnvironmentError.
  void publish();

 private:
  struct File {
    std::string path;
    std::string temporary;
  };
  std::vector<File> files_;
};

}  // namespace tandem::data
