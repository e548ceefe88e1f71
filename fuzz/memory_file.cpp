// SPDX-License-Identifier: Apache-2.0
#include "fuzz/memory_file.h"

#include <algorithm>

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tandem/base/error.h"

namespace tandem::fuzz {

MemoryFile::MemoryFile() : descriptor_(::memfd_create("input", MFD_CLOEXEC)) {
  TANDEM_CHECK(descriptor_ >= 0, "no file in memory");
}

MemoryFile::~MemoryFile() { ::close(descriptor_); }

void MemoryFile::write(std::string_view content, int64_t bytes) {
  const int64_t size = std::max(bytes, std::ssize(content));
  TANDEM_CHECK(::ftruncate(descriptor_, 0) == 0 && ::ftruncate(descriptor_, size) == 0 &&
                   ::pwrite(descriptor_, content.data(), content.size(), 0) == std::ssize(content),
               "{} bytes", size);
}

std::filesystem::path MemoryFile::path() const { return fmt::format("/proc/self/fd/{}", descriptor_); }

}  // namespace tandem::fuzz
