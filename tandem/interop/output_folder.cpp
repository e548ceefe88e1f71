// SPDX-License-Identifier: Apache-2.0
#include "tandem/interop/output_folder.h"

#include <cerrno>
#include <cstring>
#include <span>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/base/paths.h"
#include "tandem/checkpoint/file.h"
#include "tandem/checkpoint/step_folders.h"

namespace tandem::interop {

namespace fs = std::filesystem;

namespace {

void require_nothing_at(const fs::path& path) {
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(path, ignored)))
    throw InputError("{} exists already, and nothing is overwritten; choose another output", path.string());
}

fs::path plain_output(const fs::path& path) {
  if (path.empty()) throw InputError("the output has no name; name the folder to make");
  return plain_path(path);
}

// Whether the lock is held, or the file system has none (as Lustre by default).
bool take_lock(const Descriptor& folder, const fs::path& path) {
  if (::flock(folder.get(), LOCK_EX | LOCK_NB) == 0) return true;
  if (errno == ENOSYS || errno == EOPNOTSUPP || errno == ENOLCK) return true;
  if (errno == EWOULDBLOCK) return false;
  throw EnvironmentError("{}: cannot lock it: {}", path.string(), std::strerror(errno));
}

// Makes the folder this process's alone, empty.
Descriptor take_over(const fs::path& unfinished, const fs::path& path) {
  while (true) {
    checkpoint::create_folders(unfinished);
    Descriptor folder(::open(unfinished.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!folder && errno == ENOENT) continue;
    if (!folder) throw EnvironmentError("{}: cannot open it: {}", unfinished.string(), std::strerror(errno));
    if (!take_lock(folder, unfinished))
      throw EnvironmentError(
          "another process is writing {}; wait until it has ended, or choose another output", path.string());
    // The process that held the lock may have renamed or removed the folder meanwhile.
    if (!is_still_at(folder, unfinished)) continue;
    std::error_code error;
    for (fs::directory_iterator entry(unfinished, error), end; !error && entry != end; entry.increment(error))
      fs::remove_all(entry->path(), error);
    if (error) throw EnvironmentError("{}: cannot empty it: {}", unfinished.string(), error.message());
    return folder;
  }
}

}  // namespace

OutputFolder::OutputFolder(const fs::path& path)
    : path_(plain_output(path)),
      unfinished_(path_.parent_path() / ("." + path_.filename().string() + ".unfinished")) {
  checkpoint::require_outside_steps(path_, "output");
  require_nothing_at(path_);
  lock_ = take_over(unfinished_, path_);
}

OutputFolder::~OutputFolder() {
  std::error_code ignored;
  if (!published_) fs::remove_all(unfinished_, ignored);
}

void OutputFolder::write(const std::string& name, std::string_view bytes) const {
  checkpoint::File file = checkpoint::File::create(unfinished_ / name);
  file.append(std::as_bytes(std::span(bytes)));
  file.sync_and_close();
}

void OutputFolder::publish() {
  sync_folder(unfinished_);
  require_nothing_at(path_);
  checkpoint::rename_folder(unfinished_, path_);
  published_ = true;
  sync_folder(path_.parent_path());
}

}  // namespace tandem::interop
