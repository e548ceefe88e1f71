// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "tandem/tasks/task.h"

namespace tandem::tasks {

/// Parses a task file. Throws InputError that begins with `place` and names the member, for anything that
/// docs/formats.md ("Task files") does not allow: unknown members, a name twice, a file for two purposes, a
/// label that an input shows, a pattern without a gap, words that are missing or alike.
Task parse_task(const std::string& text, const std::string& place);

/// Reads a task file, as `parse_task`. Throws as `throw_unreadable` does where it cannot be read.
Task read_task(const std::filesystem::path& path);

}  // namespace tandem::tasks
