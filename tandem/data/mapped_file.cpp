// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/mapped_file.h"

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "tandem/base/atomic_file.h"
#include "tandem/base/descriptor.h"
#include "tandem/base/error.h"

namespace tandem::data {

static_assert(std::endian::native == std::endian::little, "files are little endian and read as they lie");

namespace {

// The live mappings, for mapped_path_at. Slots are taken and freed without a lock; a mapping beyond the last
// slot is not named.
std::array<std::atomic<const MappedFile*>, 256> live_mappings;

void replace_mapping(const MappedFile* from, const MappedFile* to) {
  for (auto& slot : live_mappings)
    if (const MappedFile* expected = from; slot.compare_exchange_strong(expected, to)) return;
}

}  // namespace

const char* mapped_path_at(const void* address) noexcept {
  const auto* at = static_cast<const std::byte*>(address);
  for (const auto& slot : live_mappings)
    if (const MappedFile* file = slot.load();
        file != nullptr && at >= file->data() && at < file->data() + file->size())
      return file->path().c_str();
  return nullptr;
}

MappedFile::MappedFile(std::string path) : path_(std::move(path)) {
  // O_NONBLOCK: a named pipe must not hold the reader up.
  const Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) throw_unreadable(path_, errno);
  if (S_ISDIR(status.st_mode)) throw_unreadable(path_, EISDIR);
  if (!S_ISREG(status.st_mode)) throw InputError("{} is not a regular file; name one", path_);
  if (status.st_size == 0) return;
  const auto size = static_cast<uint64_t>(status.st_size);
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (mapped == MAP_FAILED) throw EnvironmentError("cannot map {}: {}", path_, std::strerror(errno));
  data_ = static_cast<const std::byte*>(mapped);
  size_ = size;
  replace_mapping(nullptr, this);
}

MappedFile::~MappedFile() {
  if (data_ == nullptr) return;
  replace_mapping(this, nullptr);
  ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace tandem::data
