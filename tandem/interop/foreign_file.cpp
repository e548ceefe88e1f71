// SPDX-License-Identifier: Apache-2.0
#include "tandem/interop/foreign_file.h"

#include <system_error>

#include "tandem/base/error.h"
#include "tandem/checkpoint/file.h"

namespace tandem::interop {

namespace fs = std::filesystem;

bool leads_somewhere(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

void require_file(const fs::path& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (!fs::exists(status)) throw InputError("{} does not exist", path.string());
  if (!fs::is_regular_file(status)) throw InputError("{} is not a regular file", path.string());
}

std::string read_foreign_text(const fs::path& path, int64_t max_bytes) {
  require_file(path);
  std::error_code ignored;
  const auto bytes = fs::file_size(path, ignored);
  if (!ignored && bytes > static_cast<uintmax_t>(max_bytes))
    throw InputError("{}: {} bytes are more than {}", path.string(), bytes, max_bytes);
  return checkpoint::read_text(path, max_bytes, checkpoint::Links::kFollow);
}

}  // namespace tandem::interop
