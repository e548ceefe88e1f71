// SPDX-License-Identifier: Apache-2.0
#include "tandem/launch/log_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <fcntl.h>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"

namespace tandem::launch {
namespace {

[[noreturn]] void fail(const std::string& path, int error) {
  if (is_user_mistake(error))
    throw InputError("cannot write {}: {}; choose another --log-dir", path, std::strerror(error));
  throw EnvironmentError("cannot write {}: {}", path, std::strerror(error));
}

}  // namespace

Descriptor open_log_file(const std::string& folder, const std::string& name) {
  const std::string path = folder + "/" + name;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) fail(path, error.value());
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!file) fail(path, errno);
  return file;
}

}  // namespace tandem::launch
