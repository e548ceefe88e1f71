// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tandem/base/atomic_file.h"
#include "tandem/base/descriptor.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/failure.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

namespace {

// What one system call moves at most: Linux cuts longer ones short anyway.
constexpr size_t kMaxTransferBytes = size_t{1} << 30;

// So much is sent on its way to the device at a time.
constexpr int64_t kWritebackBytes = int64_t{8} << 20;

[[noreturn]] void fail(const fs::path& path, std::string_view action, int error = errno) {
  throw EnvironmentError("{}: cannot {}: {}", path.string(), action, std::strerror(error));
}

// The file may be whole, unless the cause says that it is not there, or is no file, or lost bytes.
[[noreturn]] void fail_to_read(const fs::path& path, std::string_view action, bool is_lost) {
  const int error = errno;
  if (is_lost) fail(path, action, error);
  throw UnreadableError("{}: cannot {}: {}", path.string(), action, std::strerror(error));
}

bool is_absence(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENXIO || error == ENAMETOOLONG;
}

int64_t size_of(int descriptor, const fs::path& path) {
  struct stat facts {};
  if (::fstat(descriptor, &facts) != 0) fail_to_read(path, "read its size", false);
  if (!S_ISREG(facts.st_mode)) throw EnvironmentError("{}: is not a regular file", path.string());
  return facts.st_size;
}

}  // namespace

File::File(int descriptor, fs::path path) : descriptor_(descriptor), path_(std::move(path)) {}

File::File(File&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_),
      on_its_way_(other.on_its_way_),
      path_(std::move(other.path_)) {}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

File File::create(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) fail(path, "create it");
  return File(descriptor, path);
}

File File::open(const fs::path& path, Links links) {
  // O_NONBLOCK: a named pipe put in place of a file must not hold the reader up.
  const int follow = links == Links::kFollow ? 0 : O_NOFOLLOW;
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | follow);
  if (descriptor < 0) fail_to_read(path, "open it", is_absence(errno));
  File file(descriptor, path);
  file.size_ = size_of(descriptor, path);
  return file;
}

void File::append(std::span<const std::byte> bytes) {
  const int error = write_all(descriptor_, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (error != 0) fail(path_, "write it", error);
  size_ += std::ssize(bytes);
  if (size_ - on_its_way_ < kWritebackBytes) return;
  // So that the device works while more is written, and the wait at the end is short. No more than a hint:
  // what goes wrong there shows in fsync.
  ::sync_file_range(descriptor_, on_its_way_, size_ - on_its_way_, SYNC_FILE_RANGE_WRITE);
  on_its_way_ = size_;
}

void File::sync_and_close() {
  if (::fsync(descriptor_) != 0) fail(path_, "bring it to the disk");
  if (::close(std::exchange(descriptor_, -1)) != 0) fail(path_, "close it");
}

void File::read_at(int64_t position, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t got =
        ::pread(descriptor_, out.data(), std::min<size_t>(out.size(), kMaxTransferBytes), position);
    if (got < 0 && errno == EINTR) continue;
    // A disk that opens a file and fails at some bytes has lost them.
    if (got < 0) fail_to_read(path_, "read it", errno == EIO);
    if (got == 0)
      throw EnvironmentError("{}: ends at byte {}, before the bytes wanted", path_.string(), position);
    out = out.subspan(static_cast<size_t>(got));
    position += got;
  }
}

std::string read_text(const fs::path& path, int64_t max_bytes, Links links) {
  const File file = File::open(path, links);
  if (file.size() > max_bytes)
    throw EnvironmentError("{}: has {} bytes, more than the {} allowed", path.string(), file.size(),
                           max_bytes);
  std::string text(static_cast<size_t>(file.size()), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  return text;
}

bool is_there(const fs::path& path) {
  std::error_code error;
  const fs::file_type type = fs::symlink_status(path, error).type();
  if (type == fs::file_type::not_found) return false;
  if (error) throw EnvironmentError("{}: cannot look for it: {}", path.string(), error.message());
  return true;
}

int try_to_create_folders(const fs::path& folder, unsigned mode) {
  int error = ::mkdir(folder.c_str(), mode) == 0 ? 0 : errno;
  if (error == ENOENT && folder.has_relative_path() && !folder.parent_path().empty() &&
      folder.parent_path() != folder) {
    if (const int above = try_to_create_folders(folder.parent_path(), mode); above != 0) return above;
    error = ::mkdir(folder.c_str(), mode) == 0 ? 0 : errno;
  }
  std::error_code unknown;
  const bool is_there = error == EEXIST && fs::is_directory(folder, unknown);
  if (unknown) return unknown.value();
  if (is_there) {
    // Whoever created it may have been killed before it was durable. One whose parent this user may not read
    // was created by somebody else.
    if (::access((folder / "..").c_str(), R_OK) != 0) return 0;
    error = 0;
  }
  if (error == 0) sync_folder(folder / "..");
  return error;
}

void create_folders(const fs::path& folder) {
  if (const int error = try_to_create_folders(folder, 0700); error != 0)
    fail(folder, "create the folder", error);
}

void rename_folder(const fs::path& from, const fs::path& to) {
  int result = ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
  // Network file systems refuse the flag. A plain rename replaces nothing either, save an empty folder.
  if (result != 0 && errno == EINVAL) result = ::rename(from.c_str(), to.c_str());
  if (result != 0) fail(from, fmt::format("rename it to {}", to.filename().string()));
}

}  // namespace tandem::checkpoint
