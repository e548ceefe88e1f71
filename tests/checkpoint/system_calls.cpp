// SPDX-License-Identifier: Apache-2.0
// The definitions below must be the functions' own, not the header's checked ones.
#undef _FORTIFY_SOURCE
#include "system_calls.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <stdexcept>

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tandem::checkpoint {

namespace {

// Plain data: libraries make calls before anything is constructed.
constinit std::atomic<CallObserver*> observer_now = nullptr;
constinit thread_local bool is_inside = false;

struct Watch {
  std::mutex mutex;
  std::string root;
};
Watch& watch() {
  static Watch watch;
  return watch;
}

// Returns the C library's function of this name.
template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

std::string path_of(int descriptor) {
  std::array<char, 4096> path{};
  const ssize_t length =
      ::readlink(("/proc/self/fd/" + std::to_string(descriptor)).c_str(), path.data(), path.size());
  return {path.data(), static_cast<size_t>(std::max<ssize_t>(length, 0))};
}

std::string path_at(int folder, const char* name) {
  return folder == AT_FDCWD || name[0] == '/' ? std::string(name) : path_of(folder) + "/" + name;
}

bool is_below(const std::string& path, const std::string& root) {
  return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

class Inside {
 public:
  Inside() { is_inside = true; }
  ~Inside() { is_inside = false; }
};

// Makes a call through the observer, if there is one and the path is its: `describe()` says what is to be
// made, `real(most bytes)` makes it.
template <class Describe, class Real>
auto observed(const Describe& describe, const Real& real) {
  using Result = decltype(real(size_t{}));
  if (is_inside || observer_now == nullptr) return real(SIZE_MAX);
  const int before = errno;
  Watch& here = watch();
  const std::lock_guard lock(here.mutex);
  const Inside inside;
  CallObserver* const observer = observer_now;
  const SystemCall call = describe();
  errno = before;
  if (observer == nullptr || !is_below(call.path, here.root)) return real(SIZE_MAX);
  const Verdict verdict = observer->before(call);
  Result failure{};
  if constexpr (std::is_integral_v<Result>) failure = -1;
  errno = verdict.error != 0 ? verdict.error : before;
  const Result result = verdict.error != 0 ? failure : real(verdict.most_bytes);
  const int error = errno;
  if constexpr (std::is_integral_v<Result>)
    observer->after(call, result);
  else
    observer->after(call, result == nullptr ? -1 : 0);
  errno = error;
  return result;
}

SystemCall call_of_open(std::string path, int flags) {
  const bool changes = (flags & (O_CREAT | O_TRUNC)) != 0;
  return {.kind = changes ? CallKind::kCreate : CallKind::kOpen,
          .path = std::move(path),
          .truncates = (flags & O_TRUNC) != 0};
}

}  // namespace

bool changes_disk(CallKind kind) { return kind <= CallKind::kRmdir; }

std::string_view name_of(CallKind kind) {
  constexpr std::array<std::string_view, 13> kNames{"create", "mkdir",  "write", "truncate", "fsync",
                                                    "rename", "unlink", "rmdir", "open",     "read",
                                                    "stat",   "list",   "close"};
  return kNames.at(static_cast<size_t>(kind));
}

Observation::Observation(const std::filesystem::path& root, CallObserver& observer) {
  const std::lock_guard lock(watch().mutex);
  if (observer_now != nullptr) throw std::logic_error("system calls are observed already");
  watch().root = root.string();
  observer_now = &observer;
}

Observation::~Observation() {
  const std::lock_guard lock(watch().mutex);
  observer_now = nullptr;
}

}  // namespace tandem::checkpoint

using tandem::checkpoint::call_of_open;
using tandem::checkpoint::CallKind;
using tandem::checkpoint::next;
using tandem::checkpoint::observed;
using tandem::checkpoint::path_at;
using tandem::checkpoint::path_of;
using tandem::checkpoint::SystemCall;

extern "C" {

int open(const char* path, int flags, ...) {
  static auto* const real = next<int(const char*, int, mode_t)>("open");
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return observed([&] { return call_of_open(path, flags); }, [&](size_t) { return real(path, flags, mode); });
}

int openat(int folder, const char* path, int flags, ...) {
  static auto* const real = next<int(int, const char*, int, mode_t)>("openat");
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return observed([&] { return call_of_open(path_at(folder, path), flags); },
                  [&](size_t) { return real(folder, path, flags, mode); });
}

ssize_t write(int descriptor, const void* bytes, size_t count) {
  static auto* const real = next<ssize_t(int, const void*, size_t)>("write");
  return observed(
      [&] {
        return SystemCall{.kind = CallKind::kWrite,
                          .path = path_of(descriptor),
                          .descriptor = descriptor,
                          .bytes = {static_cast<const char*>(bytes), count}};
      },
      [&](size_t most) { return real(descriptor, bytes, std::min(count, most)); });
}

ssize_t pwrite(int descriptor, const void* bytes, size_t count, off_t position) {
  static auto* const real = next<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  return observed(
      [&] {
        return SystemCall{.kind = CallKind::kWrite,
                          .path = path_of(descriptor),
                          .descriptor = descriptor,
                          .bytes = {static_cast<const char*>(bytes), count},
                          .position = position};
      },
      [&](size_t most) { return real(descriptor, bytes, std::min(count, most), position); });
}

ssize_t read(int descriptor, void* out, size_t count) {
  static auto* const real = next<ssize_t(int, void*, size_t)>("read");
  return observed(
      [&] {
        return SystemCall{.kind = CallKind::kRead, .path = path_of(descriptor), .descriptor = descriptor};
      },
      [&](size_t most) { return real(descriptor, out, std::min(count, most)); });
}

ssize_t pread(int descriptor, void* out, size_t count, off_t position) {
  static auto* const real = next<ssize_t(int, void*, size_t, off_t)>("pread");
  return observed(
      [&] {
        return SystemCall{.kind = CallKind::kRead, .path = path_of(descriptor), .descriptor = descriptor};
      },
      [&](size_t most) { return real(descriptor, out, std::min(count, most), position); });
}

int ftruncate(int descriptor, off_t length) noexcept {
  static auto* const real = next<int(int, off_t)>("ftruncate");
  return observed(
      [&] {
        return SystemCall{.kind = CallKind::kTruncate,
                          .path = path_of(descriptor),
                          .descriptor = descriptor,
                          .position = length};
      },
      [&](size_t) { return real(descriptor, length); });
}

int fsync(int descriptor) {
  static auto* const real = next<int(int)>("fsync");
  return observed(
      [&] {
        return SystemCall{.kind = CallKind::kSync, .path = path_of(descriptor), .descriptor = descriptor};
      },
      [&](size_t) { return real(descriptor); });
}

int fdatasync(int descriptor) {
  static auto* const real = next<int(int)>("fdatasync");
  return observed(
      [&] {
        return SystemCall{.kind = CallKind::kSync, .path = path_of(descriptor), .descriptor = descriptor};
      },
      [&](size_t) { return real(descriptor); });
}

int close(int descriptor) {
  static auto* const real = next<int(int)>("close");
  return observed(
      [&] {
        return SystemCall{.kind = CallKind::kClose, .path = path_of(descriptor), .descriptor = descriptor};
      },
      [&](size_t) { return real(descriptor); });
}

int rename(const char* from, const char* to) noexcept {
  static auto* const real = next<int(const char*, const char*)>("rename");
  return observed([&] { return SystemCall{.kind = CallKind::kRename, .path = from, .new_path = to}; },
                  [&](size_t) { return real(from, to); });
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  static auto* const real = next<int(int, const char*, int, const char*, unsigned)>("renameat2");
  return observed(
      [&] {
        return SystemCall{.kind = CallKind::kRename,
                          .path = path_at(from_folder, from),
                          .new_path = path_at(to_folder, to)};
      },
      [&](size_t) { return real(from_folder, from, to_folder, to, flags); });
}

int mkdir(const char* path, mode_t mode) noexcept {
  static auto* const real = next<int(const char*, mode_t)>("mkdir");
  return observed([&] { return SystemCall{.kind = CallKind::kMkdir, .path = path}; },
                  [&](size_t) { return real(path, mode); });
}

int unlink(const char* path) noexcept {
  static auto* const real = next<int(const char*)>("unlink");
  return observed([&] { return SystemCall{.kind = CallKind::kUnlink, .path = path}; },
                  [&](size_t) { return real(path); });
}

int unlinkat(int folder, const char* path, int flags) noexcept {
  static auto* const real = next<int(int, const char*, int)>("unlinkat");
  return observed(
      [&] {
        return SystemCall{.kind = (flags & AT_REMOVEDIR) != 0 ? CallKind::kRmdir : CallKind::kUnlink,
                          .path = path_at(folder, path)};
      },
      [&](size_t) { return real(folder, path, flags); });
}

int rmdir(const char* path) noexcept {
  static auto* const real = next<int(const char*)>("rmdir");
  return observed([&] { return SystemCall{.kind = CallKind::kRmdir, .path = path}; },
                  [&](size_t) { return real(path); });
}

// The C library's own would not come through the two above.
int remove(const char* path) noexcept {
  struct stat facts {};
  if (::lstat(path, &facts) != 0) return -1;
  return S_ISDIR(facts.st_mode) ? ::rmdir(path) : ::unlink(path);
}

int stat(const char* path, struct stat* facts) noexcept {
  static auto* const real = next<int(const char*, struct stat*)>("stat");
  return observed([&] { return SystemCall{.kind = CallKind::kStat, .path = path}; },
                  [&](size_t) { return real(path, facts); });
}

int lstat(const char* path, struct stat* facts) noexcept {
  static auto* const real = next<int(const char*, struct stat*)>("lstat");
  return observed([&] { return SystemCall{.kind = CallKind::kStat, .path = path}; },
                  [&](size_t) { return real(path, facts); });
}

int fstat(int descriptor, struct stat* facts) noexcept {
  static auto* const real = next<int(int, struct stat*)>("fstat");
  return observed(
      [&] {
        return SystemCall{.kind = CallKind::kStat, .path = path_of(descriptor), .descriptor = descriptor};
      },
      [&](size_t) { return real(descriptor, facts); });
}

DIR* opendir(const char* path) {
  static auto* const real = next<DIR*(const char*)>("opendir");
  return observed([&] { return SystemCall{.kind = CallKind::kList, .path = path}; },
                  [&](size_t) { return real(path); });
}

struct dirent* readdir(DIR* folder) {
  static auto* const real = next<struct dirent*(DIR*)>("readdir");
  return observed([&] { return SystemCall{.kind = CallKind::kList, .path = path_of(::dirfd(folder))}; },
                  [&](size_t) { return real(folder); });
}

}  // extern "C"
