// SPDX-License-Identifier: Apache-2.0
// Once an exception is caught its stack is gone, so the frames are recorded where it is thrown: this file
// stands in for the language's own __cxa_throw, records, and calls that. It is linked into the two programs
// only.
#include "tandem/cli/backtrace.h"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>

namespace tandem::cli {
namespace {

constexpr int kMostFrames = 64;

struct LastThrow {
  std::mutex mutex;
  void* frames[kMostFrames];
  int count = 0;
};

LastThrow& last_throw() {
  static LastThrow instance;
  return instance;
}

void record() {
  LastThrow& last = last_throw();
  const std::lock_guard lock(last.mutex);
  last.count = ::backtrace(last.frames, kMostFrames);
}

std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status),
                                                    std::free);
  return status == 0 ? text.get() : name;
}

}  // namespace

bool backtrace_wanted() {
  static const char* const value = std::getenv("TANDEM_BACKTRACE");
  return value != nullptr && std::string_view(value) == "1";
}

void print_last_backtrace(std::FILE* stream) {
  LastThrow& last = last_throw();
  const std::lock_guard lock(last.mutex);
  for (int i = 0; i < last.count; ++i) {
    Dl_info info{};
    if (::dladdr(last.frames[i], &info) == 0) continue;
    const std::string function = info.dli_sname ? demangled(info.dli_sname) : "?";
    // The offset is what addr2line -e FILE wants.
    const auto offset =
        reinterpret_cast<uintptr_t>(last.frames[i]) - reinterpret_cast<uintptr_t>(info.dli_fbase);
    std::fprintf(stream, "  #%d %s (%s+0x%zx)\n", i, function.c_str(), info.dli_fname,
                 static_cast<size_t>(offset));
  }
}

}  // namespace tandem::cli

extern "C" [[noreturn]] __attribute__((visibility("default"))) void __cxa_throw(void* object, void* type,
                                                                                void (*destructor)(void*)) {
  using Throw = void (*)(void*, void*, void (*)(void*));
  static const auto original = reinterpret_cast<Throw>(::dlsym(RTLD_NEXT, "__cxa_throw"));
  if (tandem::cli::backtrace_wanted()) tandem::cli::record();
  original(object, type, destructor);
  __builtin_unreachable();
}
