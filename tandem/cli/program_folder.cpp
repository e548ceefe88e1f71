// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/program_folder.h"

#include <system_error>

#include "tandem/base/error.h"

namespace tandem::cli {

std::filesystem::path program_folder() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) throw EnvironmentError("cannot read /proc/self/exe: {}", error.message());
  return program.parent_path();
}

}  // namespace tandem::cli
