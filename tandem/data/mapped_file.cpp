// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/mapped_file.h"

#include <bit>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tandem/base/error.h"

namespace tandem::data {

static_assert(std::endian::native == std::endian::little, "files are little endian and read as they lie");

MappedFile::MappedFile(std::string path) : path_(std::move(path)) {
  const int file = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 && (errno == ENOENT || errno == ENOTDIR))
    throw InputError("{} does not exist; check the path", path_);
  if (file < 0) throw EnvironmentError("cannot open {}: {}", path_, std::strerror(errno));
  struct stat status {};
  const bool known = ::fstat(file, &status) == 0;
  const int error = errno;
  if (known && S_ISREG(status.st_mode) && status.st_size > 0) {
    size_ = static_cast<uint64_t>(status.st_size);
    void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file, 0);
    const int map_error = errno;
    ::close(file);
    if (mapped == MAP_FAILED) throw EnvironmentError("cannot map {}: {}", path_, std::strerror(map_error));
    data_ = static_cast<const std::byte*>(mapped);
    return;
  }
  ::close(file);
  if (!known) throw EnvironmentError("cannot read {}: {}", path_, std::strerror(error));
  if (!S_ISREG(status.st_mode)) throw InputError("{} is not a file", path_);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace tandem::data
