// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace tandem::fuzz {

/// A file in memory that each input is written to.
class MemoryFile {
 public:
  MemoryFile();
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  /// Makes it hold `content`, and zeros behind it up to `bytes`, which take no memory.
  void write(std::string_view content, int64_t bytes);
  /// Returns a path that opens it: a link.
  std::filesystem::path path() const;

 private:
  int descriptor_;
};

}  // namespace tandem::fuzz
