// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/reader.h"

#include <algorithm>
#include <set>
#include <utility>

#include "tandem/base/error.h"
#include "tandem/checkpoint/file.h"
#include "tandem/checkpoint/run_folder.h"
#include "tandem/checkpoint/step_folders.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

namespace {

constexpr int64_t kMaxManifestBytes = int64_t{64} << 20;

void check_size(const fs::directory_entry& entry, int64_t expected) {
  std::error_code error;
  const bool is_file = fs::is_regular_file(entry.symlink_status(error));
  if (!error && !is_file) throw EnvironmentError("{}: is not a regular file", entry.path().string());
  const int64_t bytes = error ? 0 : static_cast<int64_t>(entry.file_size(error));
  if (error) throw EnvironmentError("{}: cannot read its size: {}", entry.path().string(), error.message());
  if (bytes != expected)
    throw EnvironmentError("{}: has {} bytes, its manifest says {}", entry.path().string(), bytes, expected);
}

bool holds_manifest(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / Manifest::kFileName, ignored);
}

}  // namespace

StepReader::StepReader(fs::path folder, std::unique_ptr<const Manifest> manifest)
    : folder_(std::move(folder)),
      manifest_(std::move(manifest)),
      planner_(std::make_unique<const Planner>(*manifest_)),
      files_(std::make_unique<StepFiles>(folder_, *manifest_)) {
  for (size_t tensor = 0; tensor < manifest_->tensors.size(); ++tensor)
    tensors_.emplace(manifest_->tensors[tensor].name, tensor);
}

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
  return newest_good(folder, [](const StepReader&) {});
}

std::optional<StepReader> StepReader::newest_good(const fs::path& folder,
                                                  const std::function<void(const StepReader&)>& load) {
  std::vector<FoundStep> steps = find_steps(folder);
  if (steps.empty()) steps = find_steps(checkpoints_of_run(folder));
  std::vector<std::string> damaged;
  for (auto found = steps.rbegin(); found != steps.rend(); ++found) {
    try {
      StepReader reader = open_step(found->folder);
      load(reader);
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
  return load_newest(folder, [](const StepReader&) {});
}

StepReader load_newest(const fs::path& folder, const std::function<void(const StepReader&)>& load) {
  if (holds_manifest(folder)) {
    StepReader reader = StepReader::open_step(folder);
    load(reader);
    return reader;
  }
  if (std::optional<StepReader> newest = StepReader::newest_good(folder, load)) return std::move(*newest);
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
  std::map<std::string, int64_t, std::less<>> missing;
  for (const StoredFile& file : manifest_->files) missing[file.name] = file.bytes;
  std::error_code error;
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name == Manifest::kFileName) continue;
    const auto found = missing.find(name);
    if (found == missing.end())
      throw EnvironmentError("{}: is not in the step's manifest", entry->path().string());
    check_size(*entry, found->second);
    missing.erase(found);
  }
  if (error) throw EnvironmentError("{}: cannot list the folder: {}", folder_.string(), error.message());
  if (!missing.empty())
    throw EnvironmentError("{}: is in the step's manifest and missing",
                           (folder_ / missing.begin()->first).string());
}

void StepReader::require(const std::vector<layout::TensorSpec>& tensors, std::span<const Role> roles) const {
  std::vector<std::string> problems;
  for (const Role role : roles)
    if (!manifest_->find_role(role))
      problems.push_back(fmt::format("it holds no {} of any tensor", name_of(role)));
  std::set<std::string_view> wanted;
  for (const layout::TensorSpec& spec : tensors) {
    wanted.insert(spec.name);
    const auto stored = tensors_.find(spec.name);
    if (stored == tensors_.end())
      problems.push_back(fmt::format("tensor {} is missing", spec.name));
    else if (const layout::Shape& shape = manifest_->tensors[stored->second].shape; shape != spec.shape)
      problems.push_back(fmt::format("tensor {} is [{}] there and [{}] in the model", spec.name,
                                     fmt::join(shape, ", "), fmt::join(spec.shape, ", ")));
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
