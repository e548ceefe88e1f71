// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/run_folder.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/file.h"
#include "tandem/checkpoint/json_members.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

namespace {

constexpr int kMajor = 1;
constexpr int64_t kMaxIdentityBytes = int64_t{1} << 16;

[[noreturn]] void fail(const fs::path& folder, int error) {
  const bool user_can_mend_it = error == EACCES || error == EPERM || error == ENOTDIR || error == EEXIST ||
                                error == EISDIR || error == ENAMETOOLONG || error == ELOOP || error == EROFS;
  const std::string message = fmt::format("{}: cannot be the run's folder: {}; choose another run_directory",
                                          folder.string(), std::strerror(error));
  if (user_can_mend_it) throw InputError("{}", message);
  throw EnvironmentError("{}", message);
}

void create(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail(folder, error.value());
  if (!fs::is_directory(folder, error)) fail(folder, ENOTDIR);
}

std::string holder_of(int lock) {
  std::array<char, 256> text{};
  const ssize_t got = ::pread(lock, text.data(), text.size(), 0);
  std::string holder(text.data(), got > 0 ? static_cast<size_t>(got) : 0);
  while (holder.ends_with('\n')) holder.pop_back();
  return holder.empty() ? "another process" : holder;
}

// The file stays when the process ends: removing it would let two processes lock two files of one name.
int take_lock(const fs::path& folder) {
  const fs::path path = folder / "run.lock";
  const int lock = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0) fail(folder, errno);
  if (::flock(lock, LOCK_EX | LOCK_NB) == 0) return lock;
  const int error = errno;
  const std::string holder = holder_of(lock);
  ::close(lock);
  if (error == EWOULDBLOCK)
    throw EnvironmentError(
        "{}: the run is in use by {}; wait until that has ended, or choose another run_directory",
        folder.string(), holder);
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

std::string random_id() {
  std::array<uint64_t, 2> words{};
  if (::getrandom(words.data(), sizeof words, 0) != sizeof words)
    throw EnvironmentError("the system gives no random numbers: {}", std::strerror(errno));
  return fmt::format("{:016x}{:016x}", words[0], words[1]);
}

RunIdentity read_identity(const fs::path& path) {
  const nlohmann::json json =
      parse_stored_json(read_text(path, kMaxIdentityBytes), path.string(), kMaxIdentityBytes);
  JsonMembers members(json, path.string());
  JsonMembers format(members.object("format"), path.string() + ": format");
  if (const int64_t major = format.integer("major"); major != kMajor)
    throw InputError("{}: is of format {}, and this program knows {}; use a program that knows it",
                     path.string(), major, kMajor);
  return {.run_id = members.text("run_id"), .generation = members.integer("generation")};
}

void write_identity(const fs::path& path, const RunIdentity& identity) {
  const nlohmann::ordered_json json = {{"format", {{"major", kMajor}, {"minor", 0}}},
                                       {"run_id", identity.run_id},
                                       {"generation", identity.generation}};
  write_file_atomically(path.string(), json.dump(1) + "\n");
}

}  // namespace

RunFolder::RunFolder(RunFolder&& other) noexcept
    : path_(std::move(other.path_)),
      lock_(std::exchange(other.lock_, -1)),
      identity_(std::move(other.identity_)) {}

RunFolder::~RunFolder() {
  if (lock_ >= 0) ::close(lock_);
}

RunFolder RunFolder::open(const fs::path& folder) {
  create(folder);
  RunFolder run(folder, take_lock(folder));
  write_holder(run.lock_);
  const fs::path file = folder / "run.json";
  if (fs::exists(file)) {
    run.identity_ = read_identity(file);
    ++run.identity_.generation;
  } else {
    run.identity_.run_id = random_id();
  }
  write_identity(file, run.identity_);
  return run;
}

}  // namespace tandem::checkpoint
