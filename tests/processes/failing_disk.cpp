// SPDX-License-Identifier: Apache-2.0
// Loaded before a program (LD_PRELOAD), makes system calls of it fail. FAILING_DISK holds the errno, the call
// (write, fsync, open or mkdir) and a text that the path must hold: "5 write step_00000004". With a negative
// number nothing fails: the first such call raises that signal.
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

struct Fault {
  int error = 0;
  std::string call, part;
};

Fault read_fault() {
  const char* text = std::getenv("FAILING_DISK");
  std::array<char, 32> call{};
  std::array<char, 256> part{};
  Fault fault;
  if (text == nullptr || std::sscanf(text, "%d %31s %255s", &fault.error, call.data(), part.data()) != 3)
    return {};
  fault.call = call.data();
  fault.part = part.data();
  return fault;
}

bool fails(std::string_view call, std::string_view path) {
  static const Fault fault = read_fault();
  if (fault.error == 0 || call != fault.call || path.find(fault.part) == std::string_view::npos) return false;
  if (fault.error < 0) {
    static std::atomic_flag raised;
    if (!raised.test_and_set()) ::raise(-fault.error);
    return false;
  }
  errno = fault.error;
  return true;
}

bool fails(std::string_view call, int descriptor) {
  std::array<char, 4096> path{};
  const ssize_t length =
      ::readlink(("/proc/self/fd/" + std::to_string(descriptor)).c_str(), path.data(), path.size());
  return length > 0 && fails(call, {path.data(), static_cast<size_t>(length)});
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

ssize_t write(int descriptor, const void* bytes, size_t count) {
  static auto* const real = next<ssize_t(int, const void*, size_t)>("write");
  return fails("write", descriptor) ? -1 : real(descriptor, bytes, count);
}

int fsync(int descriptor) {
  static auto* const real = next<int(int)>("fsync");
  return fails("fsync", descriptor) ? -1 : real(descriptor);
}

int open(const char* path, int flags, ...) {
  static auto* const real = next<int(const char*, int, mode_t)>("open");
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return fails("open", path) ? -1 : real(path, flags, mode);
}

int mkdir(const char* path, mode_t mode) noexcept {
  static auto* const real = next<int(const char*, mode_t)>("mkdir");
  return fails("mkdir", path) ? -1 : real(path, mode);
}

}  // extern "C"
