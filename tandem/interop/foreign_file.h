// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace tandem::interop {

/// Tells whether a path leads to something, links followed.
bool leads_somewhere(const std::filesystem::path& path);

/// Throws InputError, which names the path, unless it leads to a regular file. Links are followed: a model
/// in the cache of the Hugging Face tools is a folder of links.
void require_file(const std::filesystem::path& path);

/// Returns the text of a file that others made. InputError where there is none or it has more than
/// `max_bytes`; EnvironmentError where reading fails.
std::string read_foreign_text(const std::filesystem::path& path, int64_t max_bytes);

}  // namespace tandem::interop
