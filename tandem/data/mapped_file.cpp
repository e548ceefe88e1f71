// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/mapped_file.h"

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
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace tandem::data
