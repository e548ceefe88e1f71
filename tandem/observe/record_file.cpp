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
#include "tandem/observe/log.h"

namespace tandem::observe {
namespace {

// So much is kept to be written again. Where nobody syncs for long, this file does.
constexpr size_t kMostWrittenAgain = size_t{1} << 20;

[[noreturn]] void fail(const std::filesystem::path& path, const char* action, int code) {
  throw EnvironmentError("cannot {} {}: {}; free space or make it writable", action, path.string(),
                         std::strerror(code));
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
    : path_(std::move(path)),
      descriptor_(open_in_folder(path_)),
      synced_(::lseek(descriptor_, 0, SEEK_END)) {}

RecordFile::~RecordFile() { ::close(descriptor_); }

void RecordFile::append(std::string_view record) {
  unsynced_ += record;
  if (const int code = write_waiting(); code != 0 && unsynced_.size() - written_ > kMostWaiting)
    fail(path_, "append to", code);
}

void RecordFile::flush() {
  if (const int code = write_waiting(); code != 0) fail(path_, "append to", code);
}

void RecordFile::sync() {
  flush();
  if (const int code = sync_written(); code != 0) fail(path_, "sync", code);
}

int RecordFile::sync_written() {
  if (::fsync(descriptor_) != 0) {
    const int code = errno;
    // The kernel forgets what it could not bring to the disk, and the next fsync would say nothing of it.
    written_ = 0;
    has_more_ = true;
    return code;
  }
  synced_ += static_cast<off_t>(written_);
  unsynced_.erase(0, written_);
  written_ = 0;
  return 0;
}

int RecordFile::write_waiting() {
  const int code = try_to_write();
  if (code != 0 && !failed_)
    process_log()->warning("cannot append to {}: {}; what belongs there waits in memory", path_.string(),
                           std::strerror(code));
  if (code == 0 && failed_)
    process_log()->info("{} can be appended to again, and has all that waited", path_.string());
  failed_ = code != 0;
  return code;
}

int RecordFile::try_to_write() {
  if (has_more_ && !cut_to_whole()) return errno;
  const int code = write_all(descriptor_, std::string_view(unsynced_).substr(written_));
  if (code != 0) {
    has_more_ = true;
    cut_to_whole();
    return code;
  }
  written_ = unsynced_.size();
  return written_ > kMostWrittenAgain ? sync_written() : 0;
}

bool RecordFile::cut_to_whole() {
  if (::ftruncate(descriptor_, synced_ + static_cast<off_t>(written_)) != 0) return false;
  has_more_ = false;
  return true;
}

}  // namespace tandem::observe
