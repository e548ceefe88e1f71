// SPDX-License-Identifier: Apache-2.0
#include "tandem/observe/record_file.h"

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "tandem/base/descriptor.h"
#include "tandem/base/error.h"

namespace tandem::observe {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const char* action, int code) {
  throw EnvironmentError("cannot {} {}: {}; free space or make it writable, then start again", action,
                         path.string(), std::strerror(code));
}

int open_in_folder(const std::filesystem::path& path) {
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error) fail(path.parent_path(), "make folder", error.value());
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor < 0) fail(path, "open", errno);
  return descriptor;
}

}  // namespace

RecordFile::RecordFile(std::filesystem::path path)
    : path_(std::move(path)), descriptor_(open_in_folder(path_)) {}

RecordFile::~RecordFile() { ::close(descriptor_); }

void RecordFile::append(std::string_view record) {
  const off_t end = ::lseek(descriptor_, 0, SEEK_END);
  if (end < 0) fail(path_, "append to", errno);
  const int code = write_all(descriptor_, record);
  if (code == 0) return;
  if (::ftruncate(descriptor_, end) != 0) fail(path_, "cut a torn record from", errno);
  fail(path_, "append to", code);
}

void RecordFile::sync() {
  if (::fsync(descriptor_) != 0) fail(path_, "sync", errno);
}

}  // namespace tandem::observe
