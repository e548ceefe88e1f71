// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/output_files.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <sys/file.h>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"

namespace tandem::data {
namespace {

// Whether the lock is held, or the file system has none (as Lustre by default).
bool take_lock(const Descriptor& file, const std::string& path) {
  if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return true;
  if (errno == ENOSYS || errno == EOPNOTSUPP || errno == ENOLCK) return true;
  if (errno == EWOULDBLOCK) return false;
  throw EnvironmentError("cannot lock {}: {}", path, std::strerror(errno));
}

// Opens the temporary file of `path` for this process alone.
Descriptor take_over(const std::string& temporary, const std::string& path) {
  while (true) {
    Descriptor file(::open(temporary.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
    if (file.get() < 0) throw EnvironmentError("cannot write {}: {}", temporary, std::strerror(errno));
    if (!take_lock(file, temporary))
      throw EnvironmentError(
          "another process is writing {}; wait until it has ended, or choose another output", path);
    // The process that held the lock may have renamed or removed the file meanwhile.
    if (!is_still_at(file, temporary)) continue;
    if (::ftruncate(file.get(), 0) != 0)
      throw EnvironmentError("cannot empty {}: {}", temporary, std::strerror(errno));
    return file;
  }
}

}  // namespace

OutputFiles::~OutputFiles() {
  for (const File& file : files_)
    if (!file.temporary.empty()) std::remove(file.temporary.c_str());
}

std::string OutputFiles::add(const std::string& path) {
  const std::string folder = folder_of(path);
  std::error_code error, ignored;
  std::filesystem::create_directories(folder, error);
  if (error) throw EnvironmentError("cannot write into {}: {}", folder, error.message());
  if (std::filesystem::is_directory(path, ignored)) throw InputError("{} is a folder; name a file", path);
  std::string temporary = path + ".partial";
  files_.push_back({.path = path, .temporary = temporary, .lock = take_over(temporary, path)});
  return temporary;
}

void OutputFiles::write(const std::string& temporary, std::string_view bytes) {
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file)
    throw EnvironmentError("cannot write {}: {}; is the disk full?", temporary, std::strerror(errno));
}

void OutputFiles::publish() {
  if (files_.empty()) return;
  for (const File& file : files_)
    if (::fsync(file.lock.get()) != 0)
      throw EnvironmentError("cannot sync {}: {}", file.temporary, std::strerror(errno));
  if (files_.size() > 1) std::remove(files_.back().path.c_str());
  for (File& file : files_) {
    if (std::rename(file.temporary.c_str(), file.path.c_str()) != 0)
      throw EnvironmentError("cannot rename {} to {}: {}", file.temporary, file.path, std::strerror(errno));
    file.temporary.clear();  // from now on the name is another process's to take
  }
  sync_folder(folder_of(files_.back().path));
  files_.clear();
}

}  // namespace tandem::data
