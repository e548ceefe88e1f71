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

/// Removes the temporary files that killed processes left when they wrote `path`, as far as that goes. Nobody
/// may be writing it.
void remove_interrupted_writes(const std::string& path);

/// Returns the bytes of a file. Throws as `throw_unreadable` does.
std::string read_file(const std::string& path);

/// Makes the creations, renamings and removals inside a folder durable, where its file system knows such a
/// thing. Throws EnvironmentError.
void sync_folder(const std::string& folder);

/// Returns the folder that a path lies in; "." for a bare name.
std::string folder_of(const std::string& path);

/// Returns whether an errno of opening, reading or making a file is the user's to mend: the path leads
/// nowhere, or to what this user may not touch. A read-only disk is not: one that fails becomes that.
bool is_user_mistake(int error);

/// Throws, in one line with path and reason, InputError if `is_user_mistake(error)`, else EnvironmentError.
[[noreturn]] void throw_unreadable(const std::string& path, int error);

}  // namespace tandem
