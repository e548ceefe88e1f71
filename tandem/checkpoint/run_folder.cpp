// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/run_folder.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <nlohmann/json.hpp>
#include <sys/random.h>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/base/paths.h"
#include "tandem/checkpoint/file.h"
#include "tandem/checkpoint/stored_json.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

namespace {

constexpr int kMajor = 1;
constexpr const char* kRecordName = "run.json";
constexpr int64_t kMostStarts = int64_t{1} << 40;
// What the process that holds a run's folder writes into it.
constexpr std::array kOwnFiles{kRecordName, "config.json", "tokenizer.model", "metrics.jsonl"};

fs::path own_checkpoints(const fs::path& folder) { return folder / "checkpoints"; }

std::string random_id() {
  std::array<uint64_t, 2> words{};
  if (::getrandom(words.data(), sizeof words, 0) != sizeof words)
    throw EnvironmentError("the system gives no random numbers: {}", std::strerror(errno));
  return fmt::format("{:016x}{:016x}", words[0], words[1]);
}

// What run.json says.
struct RunRecord {
  RunIdentity identity;
  std::optional<fs::path> checkpoints;  // absolute; not set for the folder's own
};

std::optional<RunRecord> record_of(const fs::path& folder) {
  const fs::path path = folder / kRecordName;
  const std::optional<nlohmann::json> json = read_record(path, kMajor);
  if (!json) return std::nullopt;
  StoredMembers members(*json, path.string());
  RunRecord record{{.run_id = members.text("run_id"),
                    .generation = members.integer("generation", {.maximum = kMostStarts})},
                   {}};
  if (members.find("checkpoints") != nullptr) record.checkpoints = members.text("checkpoints");
  return record;
}

void write_record(const fs::path& folder, const RunRecord& record) {
  nlohmann::ordered_json json = {{"format", {{"major", kMajor}, {"minor", 0}}},
                                 {"run_id", record.identity.run_id},
                                 {"generation", record.identity.generation}};
  if (record.checkpoints) json["checkpoints"] = record.checkpoints->string();
  write_file_atomically((folder / kRecordName).string(), json.dump(1) + "\n");
}

}  // namespace

RunFolder RunFolder::open(const fs::path& folder, const std::optional<fs::path>& checkpoints) {
  RunFolder run;
  // A folder of steps that others may share comes first: where it is in use, nothing is made of the run's.
  if (checkpoints) run.locks_.emplace_back(*checkpoints, "checkpoint.directory");
  if (!checkpoints || !is_same_place(folder, *checkpoints)) run.locks_.emplace_back(folder, "run_directory");
  if (!checkpoints) run.locks_.emplace_back(own_checkpoints(folder), "checkpoint.directory");
  for (const char* name : kOwnFiles) remove_interrupted_writes((folder / name).string());
  RunRecord record;
  if (const std::optional<RunRecord> found = record_of(folder))
    record.identity = {.run_id = found->identity.run_id, .generation = found->identity.generation + 1};
  else
    record.identity.run_id = random_id();
  if (checkpoints) record.checkpoints = fs::absolute(*checkpoints);
  write_record(folder, record);
  run.identity_ = record.identity;
  return run;
}

void RunFolder::check() const {
  for (const FolderLock& lock : locks_) lock.check();
}

std::optional<RunIdentity> identity_of_run(const fs::path& folder) {
  const std::optional<RunRecord> record = record_of(folder);
  return record ? std::optional(record->identity) : std::nullopt;
}

fs::path checkpoints_of_run(const fs::path& folder) {
  const std::optional<RunRecord> record = record_of(folder);
  return record && record->checkpoints ? *record->checkpoints : own_checkpoints(folder);
}

}  // namespace tandem::checkpoint
