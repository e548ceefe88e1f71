// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/source_commit.h"

// Made at each build by cmake/source_commit.cmake, and new only where the commit is.
#include "source_commit_text.h"

namespace tandem::cli {

std::string_view source_commit() { return TANDEM_SOURCE_COMMIT; }

}  // namespace tandem::cli
