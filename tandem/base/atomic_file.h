// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace tandem {

/// Writes a file so that `path` holds either what it held before or all of `bytes`, also after a power cut:
/// temporary name in the same folder, write, fsync, rename, fsync of the folder. A link at `path` is
/// replaced, not followed. Two writers do not disturb each other; the last one to rename stays. Throws
/// EnvironmentError with path and reason, and leaves no temporary file then.
void write_file_atomically(const std::string& path, std::string_view bytes);

/// Returns the bytes of a file. Throws InputError if there is no such file or it may not be read,
/// EnvironmentError if reading fails.
std::string read_file(const std::string& path);

}  // namespace tandem
