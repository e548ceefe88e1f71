// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/local_folder.h"

#include <cstdint>
#include <optional>

#include <nlohmann/json.hpp>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/base/paths.h"
#include "tandem/checkpoint/file.h"
#include "tandem/checkpoint/stored_json.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

namespace {

constexpr int kMajor = 1;
constexpr const char* kRecordName = "local.json";

std::optional<LocalFolder::Owner> owner_of(const fs::path& folder) {
  const fs::path path = folder / kRecordName;
  const std::optional<nlohmann::json> json = read_record(path, kMajor);
  if (!json) return std::nullopt;
  StoredMembers members(*json, path.string());
  return LocalFolder::Owner{.run_id = members.text("run_id"), .checkpoints = members.text("checkpoints")};
}

}  // namespace

LocalFolder::LocalFolder(const fs::path& folder)
    : folder_(folder), lock_(folder, "checkpoint.local_directory") {}

void LocalFolder::check_owner(const fs::path& folder, const Owner& owner) {
  const std::optional<Owner> marked = owner_of(folder);
  if (!marked) return;
  // A run that was moved leaves nothing behind.
  const bool is_copy =
      is_there(marked->checkpoints) && !is_same_place(marked->checkpoints, owner.checkpoints);
  if (marked->run_id != owner.run_id || is_copy)
    throw InputError(
        "{}: holds steps of another run, that of {}; choose another checkpoint.local_directory, or remove "
        "this one",
        folder.string(), marked->checkpoints.string());
}

void LocalFolder::mark(const Owner& owner) const {
  remove_interrupted_writes((folder_ / kRecordName).string());
  check_owner(folder_, owner);
  const nlohmann::ordered_json json = {{"format", {{"major", kMajor}, {"minor", 0}}},
                                       {"run_id", owner.run_id},
                                       {"checkpoints", owner.checkpoints.string()}};
  write_file_atomically((folder_ / kRecordName).string(), json.dump(1) + "\n");
}

void require_not_of_a_node(const fs::path& step_folder, const HeldFiles& files) {
  if (const auto owner = owner_of(step_folder.parent_path()))
    throw InputError(
        "{}: holds {} of the step's {} files, those of one node; the whole step is in {} once it is copied",
        step_folder.string(), files.held, files.all, owner->checkpoints.string());
}

}  // namespace tandem::checkpoint
