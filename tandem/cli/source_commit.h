// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace tandem::cli {

/// Returns the git commit that this program was built from, as base/code_version.h writes it. Lifetime:
/// static.
std::string_view source_commit();

}  // namespace tandem::cli
