// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

namespace tandem::data {

/// A file mapped for reading. Where it shrinks while it is mapped, reading raises SIGBUS: mapped_path_at
/// tells whose. Immutable; thread-safe.
class MappedFile {
 public:
  /// Maps a file; an empty one has size 0 and no data. Throws InputError if it is no regular file,
  /// EnvironmentError if it cannot be mapped, else as `throw_unreadable` does.
  explicit MappedFile(std::string path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  uint64_t size() const { return size_; }
  const std::byte* data() const { return data_; }

  /// Returns the little-endian value at a byte offset, at any alignment; it must lie inside the file.
  template <class T>
  requires std::is_arithmetic_v<T> T load(uint64_t offset)
  const {
    T value;
    std::memcpy(&value, data_ + offset, sizeof value);
    return value;
  }

 private:
  std::string path_;
  uint64_t size_ = 0;
  const std::byte* data_ = nullptr;
};

/// Returns the path of the file that is mapped at an address, or nullptr. For a signal handler: takes no
/// lock, allocates nothing.
const char* mapped_path_at(const void* address) noexcept;

}  // namespace tandem::data
