// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/reader.h"

#include <algorithm>
#include <set>
#include <utility>

#include "tandem/base/error.h"
#include "tandem/base/paths.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/file.h"
#include "tandem/checkpoint/local_folder.h"
#include "tandem/checkpoint/names.h"
#include "tandem/checkpoint/run_folder.h"
#include "tandem/checkpoint/step_folders.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

namespace {

// Of looking at what a folder lists or is.
[[noreturn]] void fail_to_look(const fs::path& path, std::string_view action, const std::error_code& error) {
  const bool is_absent = error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
  const std::string message = fmt::format("{}: cannot {}: {}", path.string(), action, error.message());
  if (is_absent) throw EnvironmentError("{}", message);
  throw UnreadableError("{}", message);
}

void check_size(const fs::directory_entry& entry, int64_t expected) {
  std::error_code error;
  const bool is_file = fs::is_regular_file(entry.symlink_status(error));
  if (!error && !is_file) throw EnvironmentError("{}: is not a regular file", entry.path().string());
  const int64_t bytes = error ? 0 : static_cast<int64_t>(entry.file_size(error));
  if (error) fail_to_look(entry.path(), "read its size", error);
  if (bytes != expected)
    throw EnvironmentError("{}: has {} bytes, its manifest says {}", entry.path().string(), bytes, expected);
}

std::unique_ptr<const Manifest> read_manifest(const fs::path& step_folder) {
  const fs::path path = step_folder / Manifest::kFileName;
  auto manifest =
      std::make_unique<const Manifest>(parse_manifest(read_manifest_text(step_folder), path.string()));
  // Which step is the newest is told by names: one that was copied to a higher number must not win.
  const std::optional<int64_t> named = step_of_folder_name(step_folder.filename().string());
  if (named && *named != manifest->description.step)
    throw EnvironmentError("{}: is of step {}, and its folder is named as another; rename it back",
                           path.string(), manifest->description.step);
  return manifest;
}

// The files of a step's folder that are what its manifest says.
struct FoundFiles {
  std::vector<size_t> good;
  std::vector<Failure> problems;  // of those that are not
};

FoundFiles find_files(const fs::path& folder, const Manifest& manifest) {
  std::map<std::string, size_t, std::less<>> places;
  for (size_t file = 0; file < manifest.files.size(); ++file) places.emplace(manifest.files[file].name, file);
  FoundFiles found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name == Manifest::kFileName) continue;
    const auto place = places.find(name);
    if (place == places.end())
      throw EnvironmentError("{}: is not in the step's manifest", entry->path().string());
    const auto failure = attempt([&] { check_size(*entry, manifest.files[place->second].bytes); });
    if (failure)
      found.problems.push_back(*failure);
    else
      found.good.push_back(place->second);
  }
  if (error) fail_to_look(folder, "list the folder", error);
  std::ranges::sort(found.good);
  return found;
}

// What may be whole is not to be called damaged for what else was found.
const Failure& gravest(const std::vector<Failure>& failures) {
  const auto found = std::ranges::find(failures, true, &Failure::may_be_whole);
  return found == failures.end() ? failures.front() : *found;
}

bool holds_manifest(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / Manifest::kFileName, ignored);
}

// Steps of a run or of a folder, oldest first.
std::vector<FoundStep> steps_of(const fs::path& folder) {
  std::vector<FoundStep> steps = find_steps(folder);
  return steps.empty() ? find_steps(checkpoints_of_run(folder)) : steps;
}

// A folder that is named as a step's is one, and without a manifest a damaged one.
bool is_step(const fs::path& folder) {
  std::error_code ignored;
  return !folder.empty() && step_of_folder_name(plain_path(folder).filename().string()) &&
         fs::is_directory(folder, ignored);
}

[[noreturn]] void throw_no_checkpoint(const fs::path& folder) {
  throw InputError("{}: holds no checkpoint; give the folder of a run that has saved, or of one step",
                   folder.string());
}

}  // namespace

StepReader::StepReader(fs::path folder, std::unique_ptr<const Manifest> manifest, FileCopies copies)
    : folder_(std::move(folder)),
      manifest_(std::move(manifest)),
      planner_(std::make_unique<const Planner>(*manifest_)),
      copies_(std::move(copies)),
      files_(std::make_unique<StepFiles>(copies_, *manifest_)) {
  for (size_t tensor = 0; tensor < manifest_->tensors.size(); ++tensor)
    tensors_.emplace(manifest_->tensors[tensor].name, tensor);
}

StepReader::StepReader(StepReader&&) noexcept = default;
StepReader::~StepReader() = default;

StepReader StepReader::open_step(const fs::path& step_folder) {
  std::unique_ptr<const Manifest> manifest = read_manifest(step_folder);
  const FoundFiles found = find_files(step_folder, *manifest);
  if (!found.problems.empty()) raise(gravest(found.problems));
  const auto& files = manifest->files;
  for (size_t file = 0; file < files.size(); ++file)
    if (!std::ranges::binary_search(found.good, file)) {
      require_not_of_a_node(step_folder, {.held = found.good.size(), .all = files.size()});
      throw EnvironmentError("{}: is in the step's manifest and missing",
                             (step_folder / files[file].name).string());
    }
  FileCopies copies = copies_in(step_folder, *manifest);
  return {step_folder, std::move(manifest), std::move(copies)};
}

StepReader StepReader::open_copies(std::span<const fs::path> step_folders, const std::string& seal) {
  std::unique_ptr<const Manifest> manifest;
  FileCopies copies;
  fs::path nearest;
  std::vector<Failure> problems;
  for (const fs::path& folder : step_folders) {
    if (claimed_seal(folder) != seal) {
      const auto unseen = attempt([&] { File::open(folder / Manifest::kFileName); });
      if (unseen && unseen->may_be_whole) problems.push_back(*unseen);
      continue;
    }
    const auto failure = attempt([&] {
      std::unique_ptr<const Manifest> own = read_manifest(folder);
      const FoundFiles found = find_files(folder, *own);
      problems.insert(problems.end(), found.problems.begin(), found.problems.end());
      if (!manifest) {
        nearest = folder;
        manifest = std::move(own);
        copies.resize(manifest->files.size());
      }
      for (const size_t file : found.good) copies[file].push_back(folder / manifest->files[file].name);
    });
    if (failure && failure->kind != ErrorKind::kEnvironment) raise(*failure);
    if (failure) problems.push_back(*failure);
  }
  if (!manifest && !problems.empty()) raise(gravest(problems));
  if (!manifest)
    throw EnvironmentError("{}: is not within reach, nor is a copy of it", step_folders.back().string());
  StepReader reader(std::move(nearest), std::move(manifest), std::move(copies));
  for (const Failure& problem : problems) reader.bad_copies_.push_back(problem.message);
  return reader;
}

std::vector<std::string> StepReader::detours() const {
  std::vector<std::string> lines = bad_copies_;
  for (std::string& line : files_->detours()) lines.push_back(std::move(line));
  return lines;
}

std::vector<size_t> StepReader::files_in(const fs::path& step_folder) const {
  std::vector<size_t> files;
  for (size_t file = 0; file < copies_.size(); ++file)
    if (std::ranges::any_of(copies_[file],
                            [&](const fs::path& path) { return path.parent_path() == step_folder; }))
      files.push_back(file);
  return files;
}

void StepReader::require_within_reach(size_t file) const {
  if (copies_[file].empty())
    throw EnvironmentError("{}: no copy of this file of the step is within reach",
                           (folder_ / manifest_->files[file].name).string());
}

std::optional<StepReader> StepReader::newest_good(const fs::path& folder,
                                                  const std::function<void(const StepReader&)>& load) {
  const std::vector<FoundStep> steps = steps_of(folder);
  std::vector<std::string> damaged;
  for (auto found = steps.rbegin(); found != steps.rend(); ++found) {
    std::optional<StepReader> reader;
    const auto damage = damage_found([&] { load(reader.emplace(open_step(found->folder))); });
    if (!damage) {
      reader->passed_over_ = std::move(damaged);
      return reader;
    }
    damaged.push_back(damage->message);
  }
  if (damaged.empty()) return std::nullopt;
  // A run that trains there may have saved a step and removed the ones that were listed.
  const std::vector<FoundStep> now = steps_of(folder);
  if (!now.empty() && now.back().step > steps.back().step) return newest_good(folder, load);
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
  if (is_step(folder)) StepReader::open_step(folder);
  throw_no_checkpoint(folder);
}

fs::path newest_step_folder(const fs::path& folder) {
  if (holds_manifest(folder)) return folder;
  if (const std::vector<FoundStep> steps = steps_of(folder); !steps.empty()) return steps.back().folder;
  if (!is_step(folder)) throw_no_checkpoint(folder);
  return folder;
}

bool is_damaged(const fs::path& step_folder) {
  try {
    StepReader::open_step(step_folder);
  } catch (const UnreadableError&) {
    throw;
  } catch (const EnvironmentError&) {
    return true;
  } catch (const InputError&) {
    return false;
  }
  return false;
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
