// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/reader.h"

#include <algorithm>
#include <set>
#include <utility>

#include "tandem/base/error.h"
#include "tandem/checkpoint/file.h"
#include "tandem/checkpoint/run_folder.h"
#include "tandem/checkpoint/shard_cache.h"
#include "tandem/checkpoint/step_folders.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

namespace {

constexpr int64_t kMaxManifestBytes = int64_t{64} << 20;

bool holds_manifest(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / Manifest::kFileName, ignored);
}

}  // namespace

StepReader::StepReader(fs::path folder, std::unique_ptr<const Manifest> manifest)
    : folder_(std::move(folder)),
      manifest_(std::move(manifest)),
      shards_(std::make_unique<ShardCache>(folder_, *manifest_)) {}

StepReader::StepReader(StepReader&&) noexcept = default;
StepReader::~StepReader() = default;

StepReader StepReader::open_step(const fs::path& step_folder) {
  const fs::path path = step_folder / Manifest::kFileName;
  StepReader reader(step_folder, std::make_unique<const Manifest>(
                                     parse_manifest(read_text(path, kMaxManifestBytes), path.string())));
  reader.check_files();
  return reader;
}

std::optional<StepReader> StepReader::open_newest(const fs::path& folder) {
  std::vector<FoundStep> steps = find_steps(folder);
  if (steps.empty()) steps = find_steps(checkpoints_of_run(folder));
  std::vector<std::string> damaged;
  for (auto found = steps.rbegin(); found != steps.rend(); ++found) {
    try {
      StepReader reader = open_step(found->folder);
      reader.passed_over_ = std::move(damaged);
      return reader;
    } catch (const EnvironmentError& error) {
      damaged.push_back(error.what());
    }
  }
  if (damaged.empty()) return std::nullopt;
  throw EnvironmentError("{}: none of its {} steps is whole; the newest: {}", folder.string(), damaged.size(),
                         damaged.front());
}

StepReader StepReader::open(const fs::path& folder) {
  if (holds_manifest(folder)) return open_step(folder);
  if (std::optional<StepReader> newest = open_newest(folder)) return std::move(*newest);
  throw InputError("{}: holds no checkpoint; give the folder of a run that has saved, or of one step",
                   folder.string());
}

bool is_damaged(const fs::path& step_folder) {
  try {
    StepReader::open_step(step_folder);
  } catch (const EnvironmentError&) {
    return true;
  } catch (const InputError&) {
    return false;
  }
  return false;
}

void StepReader::check_files() const {
  std::set<std::string> expected{Manifest::kFileName};
  for (const StoredFile& file : manifest_->files) {
    const int64_t bytes = File::open(folder_ / file.name).size();
    if (bytes != file.bytes)
      throw EnvironmentError("{}: has {} bytes, its manifest says {}", (folder_ / file.name).string(), bytes,
                             file.bytes);
    expected.insert(file.name);
  }
  for (size_t file = 0; file < manifest_->files.size(); ++file) shards_->get(file);
  std::error_code error;
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error))
    if (!expected.contains(entry->path().filename().string()))
      throw EnvironmentError("{}: is not in the step's manifest", entry->path().string());
  if (error) throw EnvironmentError("{}: cannot list the folder: {}", folder_.string(), error.message());
}

void StepReader::require(const std::vector<layout::TensorSpec>& tensors, std::span<const Role> roles) const {
  std::vector<std::string> problems;
  for (const Role role : roles)
    if (!std::ranges::count(manifest_->description.roles, role))
      problems.push_back(fmt::format("it holds no {} of any tensor", name_of(role)));
  std::set<std::string_view> wanted;
  for (const layout::TensorSpec& spec : tensors) {
    wanted.insert(spec.name);
    const StoredTensor* stored = manifest_->find(spec.name);
    if (stored == nullptr)
      problems.push_back(fmt::format("tensor {} is missing", spec.name));
    else if (stored->shape != spec.shape)
      problems.push_back(fmt::format("tensor {} is [{}] there and [{}] in the model", spec.name,
                                     fmt::join(stored->shape, ", "), fmt::join(spec.shape, ", ")));
  }
  for (const StoredTensor& stored : manifest_->tensors)
    if (!wanted.contains(stored.name))
      problems.push_back(fmt::format("the model has no tensor {}", stored.name));
  if (problems.empty()) return;
  constexpr size_t kShown = 3;
  const size_t more = problems.size() - std::min(problems.size(), kShown);
  problems.resize(std::min(problems.size(), kShown));
  throw InputError("{}: does not fit the model: {}{}", folder_.string(), fmt::join(problems, "; "),
                   more == 0 ? "" : fmt::format("; and {} more", more));
}

}  // namespace tandem::checkpoint
