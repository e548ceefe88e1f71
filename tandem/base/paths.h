// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace tandem {

/// Returns a path from the root on, without `.`, `..` and a slash at its end. Links are not looked at. The
/// path must not be empty.
std::filesystem::path plain_path(const std::filesystem::path& path);

/// Tells whether two paths lead to one and the same file or folder; false where one leads to none.
bool is_same_place(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace tandem
