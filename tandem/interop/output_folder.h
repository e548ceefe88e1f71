// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "tandem/base/descriptor.h"

namespace tandem::interop {

/// A folder that appears whole or not at all: it is filled under a hidden name beside its own and renamed
/// once it is on the disk. What was not published is removed by the destructor; what a killed process left
/// is removed by the next one that writes the same folder.
class OutputFolder {
 public:
  /// Creates the hidden folder, and the parents of `path` if need be. InputError where there is something at
  /// `path` already; EnvironmentError where the disk fails or another process is writing the same folder.
  explicit OutputFolder(const std::filesystem::path& path);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  /// Returns the path to fill.
  const std::filesystem::path& unfinished() const { return unfinished_; }
  /// Writes a file of the folder, to the disk.
  void write(const std::string& name, std::string_view bytes) const;
  /// Gives the folder its name. Its files must be on the disk. Errors as the constructor.
  void publish();

 private:
  std::filesystem::path path_, unfinished_;
  Descriptor lock_;  ///< open on the hidden folder
  bool published_ = false;
};

}  // namespace tandem::interop
