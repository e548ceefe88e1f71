// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace tandem::checkpoint {

/// Whether a path's last name may be a link.
enum class Links { kRefuse, kFollow };

/// An open regular file. Links are not followed unless asked for, and what fails is an EnvironmentError that
/// names the path and the cause; an UnreadableError where it may be there and whole. Movable; `read_at` may
/// be called by several threads at once.
class File {
 public:
  /// Creates a file that must not be there yet, for its owner only (mode 0600).
  static File create(const std::filesystem::path& path);
  /// Opens a file for reading.
  static File open(const std::filesystem::path& path, Links links = Links::kRefuse);

  File(File&& other) noexcept;
  File& operator=(File&&) = delete;
  ~File();

  /// Writes all bytes at the end.
  void append(std::span<const std::byte> bytes);
  /// Waits until all that was written is on the device, then closes. A failed fsync is final: the kernel may
  /// have dropped the dirty pages, so it is never tried again.
  void sync_and_close();

  /// Fills `out` from the byte at `position` on; an EnvironmentError where the file ends before.
  void read_at(int64_t position, std::span<std::byte> out) const;
  /// Returns the size in bytes.
  int64_t size() const { return size_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  File(int descriptor, std::filesystem::path path);

  int descriptor_ = -1;
  int64_t size_ = 0;
  int64_t on_its_way_ = 0;  // bytes that the device was told to write
  std::filesystem::path path_;
};

/// Returns the text of a file of at most `max_bytes`.
std::string read_text(const std::filesystem::path& path, int64_t max_bytes, Links links = Links::kRefuse);

/// Tells whether a path leads to something, itself not followed if it is a link. EnvironmentError where the
/// disk does not tell.
bool is_there(const std::filesystem::path& path);

/// Creates a folder for its owner only (mode 0700), parents included. A folder that is there already is left
/// as it is. Durable when it returns, also where a process that was killed had created it.
void create_folders(const std::filesystem::path& folder);

/// As `create_folders`, with this mode less the process's mask, but returns the errno of creating the folder,
/// or 0. What else fails is thrown.
int try_to_create_folders(const std::filesystem::path& folder, unsigned mode);

/// Renames a folder to a name that is not taken: nothing is ever replaced. Durable once the parent is synced.
void rename_folder(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace tandem::checkpoint
