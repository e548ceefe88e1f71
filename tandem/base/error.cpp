// SPDX-License-Identifier: Apache-2.0
#include "tandem/base/error.h"

#include <string_view>

namespace tandem {

int Error::exit_code() const {
  switch (kind_) {
    case ErrorKind::kInput:
      return 2;
    case ErrorKind::kEnvironment:
      return 3;
    case ErrorKind::kBug:
      break;
  }
  return 70;
}

namespace detail {

void fail_check(const char* file, int line, const char* condition, const std::string& message) {
  std::string_view path(file);
  if (size_t start = path.rfind("tandem/"); start != std::string_view::npos) path.remove_prefix(start);
  throw BugError("{}:{}: {} does not hold{}{}; please report this", path, line, condition,
                 message.empty() ? "" : ": ", message);
}

}  // namespace detail
}  // namespace tandem
