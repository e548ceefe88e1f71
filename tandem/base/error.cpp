// SPDX-License-Identifier: Apache-2.0
#include "tandem/base/error.h"

#include <string_view>

#include "tandem/base/exit_code.h"

namespace tandem {

int Error::exit_code() const {
  switch (kind_) {
    case ErrorKind::kInput:
      return kInputExit;
    case ErrorKind::kEnvironment:
      return kEnvironmentExit;
    case ErrorKind::kBug:
      break;
  }
  return kBugExit;
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
