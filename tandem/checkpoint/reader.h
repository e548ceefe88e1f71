// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/checkpoint/data_type.h"
#include "tandem/checkpoint/load_plan.h"
#include "tandem/checkpoint/manifest.h"
#include "tandem/checkpoint/step_files.h"
#include "tandem/layout/tensor_spec.h"

namespace tandem::checkpoint {

/// One whole step of a checkpoint, opened for reading. Layout-free: any slice of any tensor can be read,
/// whatever layout wrote it. Thread-safe; ranks open and read on their own, without communication.
class StepReader {
 public:
  /// Opens a step's folder, or the newest whole step of a run's folder or of a folder of steps. An InputError
  /// where there is none, an EnvironmentError where all are damaged.
  static StepReader open(const std::filesystem::path& folder);
  /// Opens exactly this step's folder and checks the manifest, and that it holds just the manifest's files in
  /// their sizes. Their contents are checked as they are read.
  static StepReader open_step(const std::filesystem::path& step_folder);
  /// Opens a step of which these folders, nearest first, hold copies of some or all files, and which has the
  /// manifest that ends with this seal. A folder that is missing, has another manifest or is not what its
  /// manifest says is passed over; so is a file of another size. An EnvironmentError where no folder is left;
  /// a file that none holds is one when it is to be read.
  static StepReader open_copies(std::span<const std::filesystem::path> step_folders, const std::string& seal);

  StepReader(StepReader&&) noexcept;
  ~StepReader();

  const Manifest& manifest() const { return *manifest_; }
  /// Returns the step's folder, the nearest where there are several.
  const std::filesystem::path& folder() const { return folder_; }
  /// Returns a line for each newer step that was found damaged and passed over, for the caller to make known.
  const std::vector<std::string>& passed_over() const { return passed_over_; }
  /// Returns a line for each damaged copy that was found so far while another one was good, likewise.
  std::vector<std::string> detours() const;
  /// Returns the files, by their places in the manifest, that a folder among those opened holds.
  std::vector<size_t> files_in(const std::filesystem::path& step_folder) const;

  /// Checks that the step holds exactly these tensors, in these shapes, with these roles. An InputError names
  /// the first that differ, with both shapes.
  void require(const std::vector<layout::TensorSpec>& tensors, std::span<const Role> roles) const;

  /// A part of one tensor's values, and where they go.
  struct Request {
    std::string_view tensor;
    Role role = Role::kParameter;
    layout::BoxRange range;
    DataType type = DataType::kF32;  ///< of the elements in `out`
    std::span<std::byte> out;        ///< just their bytes
  };

  /// Reads all that is requested, on `threads` threads. Only chunks that hold requested elements are read,
  /// each once, and each is held against its checksum before an element of it is passed on; takes one chunk
  /// of memory a thread. An InputError where the step has no such tensor, role or elements, or stores a type
  /// that does not convert: nothing is written then. An EnvironmentError names the file, bytes and tensors
  /// that are damaged; `out` may hold anything then.
  void read(std::span<const Request> requests, int threads = 1) const;

  /// A box of one tensor's values.
  struct Wanted {
    std::string_view tensor;
    Role role = Role::kParameter;
    layout::Slice slice;
  };
  /// Reads one box, as above.
  void read(const Wanted& wanted, DataType type, std::span<std::byte> out) const;

  /// Plans what `read` does for these requests. Errors as there.
  LoadPlan plan(std::span<const Request> requests) const;

 private:
  StepReader(std::filesystem::path folder, std::unique_ptr<const Manifest> manifest, FileCopies copies);
  friend StepReader load_newest(const std::filesystem::path&, const std::function<void(const StepReader&)>&);
  static std::optional<StepReader> newest_good(const std::filesystem::path& folder,
                                               const std::function<void(const StepReader&)>& load);
  void require_within_reach(size_t file) const;
  size_t tensor_of(const Request& request) const;

  std::filesystem::path folder_;
  std::unique_ptr<const Manifest> manifest_;
  std::map<std::string, size_t, std::less<>> tensors_;  // places in the manifest
  std::unique_ptr<const Planner> planner_;
  FileCopies copies_;
  std::vector<std::string> bad_copies_;
  std::unique_ptr<StepFiles> files_;
  std::vector<std::string> passed_over_;
};

/// Opens a step's folder, or the steps of a run's folder or of a folder of steps from the newest on, and
/// calls `load`, until one step is not found damaged by either. Returns that step, with a line for each that
/// was passed over. Errors as StepReader::open; what else `load` throws comes through. A step that cannot be
/// looked at is not passed over: UnreadableError.
StepReader load_newest(const std::filesystem::path& folder,
                       const std::function<void(const StepReader&)>& load);

/// Returns the folder itself where it is a step's, else that of the newest step of a run's folder or of a
/// folder of steps, whole or not. InputError where there is none.
std::filesystem::path newest_step_folder(const std::filesystem::path& folder);

/// Tells whether a step's folder holds no whole step. One of a format that this program cannot read is
/// somebody's whole step. UnreadableError where it cannot be told.
bool is_damaged(const std::filesystem::path& step_folder);

}  // namespace tandem::checkpoint
