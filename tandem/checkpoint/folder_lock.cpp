// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/folder_lock.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/file.h"
#include "tandem/checkpoint/step_folders.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const fs::path& folder, std::string_view key, int error) {
  const std::string message = fmt::format("{}: cannot be the run's folder: {}; choose another {}",
                                          folder.string(), std::strerror(error), key);
  if (is_user_mistake(error)) throw InputError("{}", message);
  throw EnvironmentError("{}", message);
}

void create(const fs::path& folder, std::string_view key) {
  if (const int error = try_to_create_folders(folder, 0777); error != 0)
    fail(folder, key, error == EEXIST ? ENOTDIR : error);
}

std::string holder_of(int lock) {
  std::array<char, 256> text{};
  const ssize_t got = ::pread(lock, text.data(), text.size(), 0);
  std::string holder(text.data(), got > 0 ? static_cast<size_t>(got) : 0);
  while (holder.ends_with('\n')) holder.pop_back();
  return holder.empty() ? "another process" : holder;
}

// The file stays when the process ends: removing it would let two processes lock two files of one name.
Descriptor lock_file(const fs::path& folder, std::string_view key) {
  const fs::path path = folder / FolderLock::kFileName;
  Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) fail(folder, key, errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  const int error = errno;
  if (error == EWOULDBLOCK)
    throw EnvironmentError("{}: is in use by {}; wait until that has ended, or choose another {}",
                           folder.string(), holder_of(lock.get()), key);
  throw EnvironmentError("{}: cannot lock it: {}", path.string(), std::strerror(error));
}

void write_holder(int lock) {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  const std::string text = fmt::format("process {} on {}\n", ::getpid(), host.data());
  // Only for the message to a second run: the lock itself holds without it.
  if (::ftruncate(lock, 0) == 0) [[maybe_unused]]
    const ssize_t written = ::pwrite(lock, text.data(), text.size(), 0);
}

}  // namespace

FolderLock::FolderLock(const fs::path& folder, std::string_view key) {
  require_outside_steps(folder, key);
  create(folder, key);
  path_ = folder / FolderLock::kFileName;
  lock_ = lock_file(folder, key);
  write_holder(lock_.get());
}

void FolderLock::check() const {
  if (is_still_at(lock_, path_.string())) return;
  throw EnvironmentError(
      "{}: somebody removed or replaced the folder while the run was working in it; nothing more "
      "can be saved there",
      path_.parent_path().string());
}

}  // namespace tandem::checkpoint
