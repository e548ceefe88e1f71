// SPDX-License-Identifier: Apache-2.0
#include "tandem/base/paths.h"

#include <system_error>

namespace tandem {

namespace fs = std::filesystem;

fs::path plain_path(const fs::path& path) {
  const fs::path normal = fs::absolute(path).lexically_normal();
  // A slash at the end makes the last name empty.
  return normal.has_filename() ? normal : normal.parent_path();
}

bool is_same_place(const fs::path& a, const fs::path& b) {
  std::error_code error;
  return fs::equivalent(a, b, error) && !error;
}

}  // namespace tandem
