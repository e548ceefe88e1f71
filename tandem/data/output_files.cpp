// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/output_files.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <unistd.h>

#include "tandem/base/error.h"

namespace tandem::data {
namespace {

void sync(const std::string& path, int flags) {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC);
  if (file < 0) throw EnvironmentError("cannot open {}: {}", path, std::strerror(errno));
  const bool synced = ::fsync(file) == 0;
  const int error = errno;
  ::close(file);
  if (!synced) throw EnvironmentError("cannot sync {}: {}", path, std::strerror(error));
}

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder;
}

}  // namespace

OutputFiles::~OutputFiles() {
  for (const File& file : files_) std::remove(file.temporary.c_str());
}

std::string OutputFiles::add(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(folder_of(path), error);
  if (std::filesystem::is_directory(path)) throw InputError("{} is a folder; name a file", path);
  if (error || ::access(folder_of(path).c_str(), W_OK) != 0)
    throw EnvironmentError("cannot write into {}: {}", folder_of(path),
                           error ? error.message() : std::strerror(errno));
  files_.push_back({.path = path, .temporary = fmt::format("{}.{}.partial", path, ::getpid())});
  return files_.back().temporary;
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
  for (const File& file : files_) sync(file.temporary, O_RDONLY);
  if (files_.size() > 1) std::remove(files_.back().path.c_str());
  for (const File& file : files_)
    if (std::rename(file.temporary.c_str(), file.path.c_str()) != 0)
      throw EnvironmentError("cannot rename {} to {}: {}", file.temporary, file.path, std::strerror(errno));
  sync(folder_of(files_.back().path), O_RDONLY | O_DIRECTORY);
  files_.clear();
}

}  // namespace tandem::data
