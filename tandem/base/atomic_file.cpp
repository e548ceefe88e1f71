// SPDX-License-Identifier: Apache-2.0
#include "tandem/base/atomic_file.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tandem/base/error.h"

namespace tandem {
namespace {

/// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  int get() const { return value_; }
  /// Closes and returns close's result: a network file system reports a full disk only there.
  int close() { return value_ < 0 ? 0 : ::close(std::exchange(value_, -1)); }

 private:
  int value_;
};

/// Removes the temporary file unless it was renamed.
struct Temporary {
  std::string path;
  ~Temporary() {
    if (!path.empty()) ::unlink(path.c_str());
  }
};

[[noreturn]] void fail(std::string_view what, const std::string& path) {
  throw EnvironmentError("cannot {} {}: {}", what, path, std::strerror(errno));
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::string temporary_name(const std::string& path) {
  static std::atomic<uint64_t> counter{0};
  return fmt::format("{}.{}.{}.tmp", path, ::getpid(), counter++);
}

void write_all(int descriptor, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

void sync_folder(const std::string& folder) {
  Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() < 0) fail("open the folder", folder);
  // Some file systems have nothing to sync for a folder and say EINVAL.
  if (::fsync(descriptor.get()) != 0 && errno != EINVAL) fail("sync the folder", folder);
}

bool is_user_mistake(int error) {
  return error == ENOENT || error == ENOTDIR || error == EISDIR || error == EACCES || error == ENAMETOOLONG;
}

[[noreturn]] void fail_read(const std::string& path) {
  if (is_user_mistake(errno)) throw InputError("cannot read {}: {}", path, std::strerror(errno));
  fail("read", path);
}

}  // namespace

void write_file_atomically(const std::string& path, std::string_view bytes) {
  Temporary temporary{temporary_name(path)};
  Descriptor descriptor(::open(temporary.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (descriptor.get() < 0) {
    temporary.path.clear();
    fail("write", path);
  }
  write_all(descriptor.get(), bytes, path);
  if (::fsync(descriptor.get()) != 0) fail("sync", path);
  if (descriptor.close() != 0) fail("close", path);
  if (::rename(temporary.path.c_str(), path.c_str()) != 0) fail("write", path);
  temporary.path.clear();
  sync_folder(folder_of(path));
}

std::string read_file(const std::string& path) {
  Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.get() < 0) fail_read(path);
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0) fail_read(path);
  std::string bytes;
  // The size is a hint only: pipes and /proc files have none.
  if (status.st_size > 0) bytes.reserve(static_cast<size_t>(status.st_size));
  char block[1 << 16];
  while (true) {
    const ssize_t got = ::read(descriptor.get(), block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_read(path);
    if (got == 0) return bytes;
    bytes.append(block, static_cast<size_t>(got));
  }
}

}  // namespace tandem
