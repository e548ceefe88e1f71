// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tandem/base/descriptor.h"

namespace tandem::data {

/// Files that appear together or not at all: written as PATH.partial beside their own names, then synced and
/// renamed. What was not published is removed by the destructor; what a killed process left is taken over by
/// the next one. Each is locked (flock) while it is written, where the file system knows locks. Not
/// thread-safe.
class OutputFiles {
 public:
  OutputFiles() = default;
  ~OutputFiles();
  OutputFiles(const OutputFiles&) = delete;
  OutputFiles& operator=(const OutputFiles&) = delete;

  /// Announces a file, makes it empty under its temporary path and returns that, to be written but not
  /// replaced. A folder that is missing is made. Throws InputError if the path is a folder, EnvironmentError
  /// if its folder cannot be written or another process is writing the same file.
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
    Descriptor lock;  ///< open on the temporary file
  };
  std::vector<File> files_;
};

}  // namespace tandem::data
