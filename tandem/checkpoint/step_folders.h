// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

namespace tandem::checkpoint {

/// A visible step of a checkpoint folder.
struct FoundStep {
  int64_t step = 0;
  std::filesystem::path folder;
};

/// Lists the steps of a folder by their names, oldest first; whether they are whole only opening tells. A
/// folder that is not there has none. EnvironmentError where it cannot be read.
std::vector<FoundStep> find_steps(const std::filesystem::path& folder);

/// Throws InputError where a path is a step's folder or lies in one, whose files must stay just those of its
/// manifest. `key` is what the user would change, for the message.
void require_outside_steps(const std::filesystem::path& path, std::string_view key);

/// Removes what interrupted saves and removals left in a folder, as far as that goes: what a reader on a
/// network file system still holds stays for the next time. Only for the one process that saves there.
void remove_leftovers(const std::filesystem::path& folder);

/// Removes one of them. EnvironmentError where that fails.
void remove_leftover(const std::filesystem::path& leftover);

/// Removes a step so that it is never seen in part: hidden by a rename, then the manifest, then the rest.
void remove_step(const std::filesystem::path& step_folder);

/// Renames a step's folder to a `void_…` that is not taken, so that it counts as none and can be looked at;
/// returns the new path.
std::filesystem::path put_aside(const std::filesystem::path& step_folder);

/// Returns the path of what the run that a step belongs to keeps under this name: in the step's folder or up
/// to two above. Empty where it is in none.
std::filesystem::path beside_step(const std::filesystem::path& step_folder, std::string_view name);

}  // namespace tandem::checkpoint
