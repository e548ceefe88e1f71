// SPDX-License-Identifier: Apache-2.0
#include "tandem/base/code_version.h"

#include <utility>

namespace tandem {

namespace {

std::string& source_commit() {
  static std::string commit = "unknown";
  return commit;
}

}  // namespace

std::string code_version() { return TANDEM_VERSION "+" + source_commit(); }

void set_source_commit(std::string commit) { source_commit() = std::move(commit); }

}  // namespace tandem
