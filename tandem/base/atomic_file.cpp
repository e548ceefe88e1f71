// SPDX-License-Identifier: Apache-2.0
#include "tandem/base/atomic_file.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tandem/base/descriptor.h"
#include "tandem/base/error.h"

namespace tandem {

namespace fs = std::filesystem;

namespace {

/// Removes the temporary file unless it was renamed.
struct Temporary {
  explicit Temporary(std::string name) : path(std::move(name)) {}
  Temporary(Temporary&& other) noexcept : path(std::exchange(other.path, {})) {}
  Temporary& operator=(Temporary&&) = delete;

  std::string path;
  ~Temporary() {
    if (!path.empty()) ::unlink(path.c_str());
  }
};

[[noreturn]] void fail(std::string_view what, const std::string& path) {
  throw EnvironmentError("cannot {} {}: {}", what, path, std::strerror(errno));
}

constexpr std::string_view kEnding = ".tmp";

std::string temporary_name(const std::string& path) {
  static std::atomic<uint64_t> counter{0};
  return fmt::format("{}.{}.{}{}", path, ::getpid(), counter++, kEnding);
}

bool is_temporary_of(std::string_view file, std::string_view name) {
  if (!file.starts_with(name) || !file.ends_with(kEnding) || file.size() < name.size() + kEnding.size())
    return false;
  file.remove_prefix(name.size());
  file.remove_suffix(kEnding.size());
  return file.starts_with('.') && file.find_first_not_of(".0123456789") == std::string_view::npos;
}

Temporary create_temporary(const std::string& path, Descriptor& descriptor) {
  while (true) {
    Temporary temporary{temporary_name(path)};
    descriptor.reset(::open(temporary.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (descriptor) return temporary;
    temporary.path.clear();
    // In a container each start has the same process id: one that was killed may have left this name.
    if (errno != EEXIST) fail("write", path);
  }
}

}  // namespace

void write_file_atomically(const std::string& path, std::string_view bytes) {
  Descriptor descriptor;
  Temporary temporary = create_temporary(path, descriptor);
  errno = write_all(descriptor.get(), bytes);
  if (errno != 0) fail("write", path);
  if (::fsync(descriptor.get()) != 0) fail("sync", path);
  if (descriptor.close() != 0) fail("close", path);
  if (::rename(temporary.path.c_str(), path.c_str()) != 0) fail("write", path);
  temporary.path.clear();
  sync_folder(folder_of(path));
}

void remove_interrupted_writes(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  std::error_code error, ignored;
  fs::directory_iterator entry(folder_of(path), error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error))
    if (is_temporary_of(entry->path().filename().string(), name)) fs::remove(entry->path(), ignored);
}

std::string read_file(const std::string& path) {
  Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.get() < 0) throw_unreadable(path, errno);
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0) throw_unreadable(path, errno);
  std::string bytes;
  // The size is a hint only: pipes and /proc files have none.
  if (status.st_size > 0) bytes.reserve(static_cast<size_t>(status.st_size));
  char block[1 << 16];
  while (true) {
    const ssize_t got = ::read(descriptor.get(), block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_unreadable(path, errno);
    if (got == 0) return bytes;
    bytes.append(block, static_cast<size_t>(got));
  }
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

void sync_folder(const std::string& folder) {
  Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() < 0) fail("open the folder", folder);
  // Some file systems have nothing to sync for a folder and say EINVAL.
  if (::fsync(descriptor.get()) != 0 && errno != EINVAL) fail("sync the folder", folder);
}

bool is_user_mistake(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EACCES:
    case EPERM:
    case ELOOP:
    case ENAMETOOLONG:
      return true;
    default:
      return false;
  }
}

void throw_unreadable(const std::string& path, int error) {
  if (error == ENOENT || error == ENOTDIR) throw InputError("{} does not exist; check the path", path);
  if (error == EISDIR) throw InputError("{} is a folder; name a file", path);
  if (is_user_mistake(error)) throw InputError("cannot read {}: {}", path, std::strerror(error));
  throw EnvironmentError("cannot read {}: {}", path, std::strerror(error));
}

}  // namespace tandem
