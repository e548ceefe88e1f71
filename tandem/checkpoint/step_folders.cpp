// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/step_folders.h"

#include <algorithm>
#include <optional>
#include <string>
#include <system_error>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/file.h"
#include "tandem/checkpoint/manifest.h"
#include "tandem/checkpoint/names.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

namespace {

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) return entries;
  for (; !error && entry != fs::directory_iterator(); entry.increment(error))
    entries.push_back(entry->path());
  if (error) throw EnvironmentError("{}: cannot list the folder: {}", folder.string(), error.message());
  return entries;
}

}  // namespace

std::vector<FoundStep> find_steps(const fs::path& folder) {
  std::vector<FoundStep> steps;
  for (const fs::path& entry : entries_of(folder))
    if (const std::optional<int64_t> step = step_of_folder_name(entry.filename().string()))
      steps.push_back({.step = *step, .folder = entry});
  std::ranges::sort(steps, {}, &FoundStep::step);
  return steps;
}

void require_outside_steps(const fs::path& path, std::string_view key) {
  std::error_code ignored;
  const fs::path whole = fs::absolute(path, ignored).lexically_normal();
  for (fs::path folder = whole; folder.has_relative_path(); folder = folder.parent_path())
    if (!claimed_seal(folder).empty())
      throw InputError("{}: lies in the folder of a step, {}; choose another {}", path.string(),
                       folder.string(), key);
}

void remove_leftovers(const fs::path& folder) {
  for (const fs::path& entry : entries_of(folder))
    if (is_leftover_name(entry.filename().string())) attempt([&] { remove_leftover(entry); });
}

void remove_leftover(const fs::path& leftover) {
  std::error_code error;
  // What a link leads to is somebody's. Of a folder the manifest goes first: should the rest stay, no reader
  // takes what is left for a step.
  if (fs::is_directory(fs::symlink_status(leftover, error)) &&
      fs::remove(leftover / Manifest::kFileName, error))
    sync_folder(leftover);
  if (!error) fs::remove_all(leftover, error);
  if (error) throw EnvironmentError("{}: cannot remove it: {}", leftover.string(), error.message());
}

void remove_step(const fs::path& step_folder) {
  const fs::path hidden = step_folder.parent_path() / removed_folder_name(step_folder.filename().string());
  rename_folder(step_folder, hidden);
  sync_folder(step_folder.parent_path());
  // Should a loss of power bring what is hidden back, the next save removes it.
  remove_leftover(hidden);
}

fs::path put_aside(const fs::path& step_folder) {
  const fs::path folder = step_folder.parent_path();
  fs::path aside;
  int number = 0;
  do {
    aside = folder / fmt::format("void_{}_{}", step_folder.filename().string(), number++);
  } while (is_there(aside));
  rename_folder(step_folder, aside);
  return aside;
}

fs::path beside_step(const fs::path& step_folder, std::string_view name) {
  // A trailing slash would count as a folder of its own.
  fs::path folder = fs::absolute(step_folder / "").lexically_normal().parent_path();
  for (int above = 0; above < 3; ++above, folder = folder.parent_path()) {
    std::error_code ignored;
    if (fs::exists(folder / name, ignored)) return folder / name;
  }
  return {};
}

}  // namespace tandem::checkpoint
