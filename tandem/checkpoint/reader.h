// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/checkpoint/data_type.h"
#include "tandem/checkpoint/manifest.h"
#include "tandem/layout/tensor_spec.h"

namespace tandem::checkpoint {

class ShardCache;

/// One whole step of a checkpoint, opened for reading. Layout-free: any slice of any tensor can be read,
/// whatever layout wrote it. Thread-safe; ranks open and read on their own, without communication.
class StepReader {
 public:
  /// Opens a step's folder, or the newest whole step of a run's folder or of a folder of steps. An InputError
  /// where there is none, an EnvironmentError where all are damaged.
  static StepReader open(const std::filesystem::path& folder);
  /// Opens exactly this step's folder and checks the manifest, and of all files size and header.
  static StepReader open_step(const std::filesystem::path& step_folder);
  /// As `open` for a run's folder or a folder of steps, but returns nothing where no step was saved yet.
  static std::optional<StepReader> open_newest(const std::filesystem::path& folder);

  StepReader(StepReader&&) noexcept;
  ~StepReader();

  const Manifest& manifest() const { return *manifest_; }
  const std::filesystem::path& folder() const { return folder_; }
  /// Returns a line for each newer step that was found damaged and passed over, for the caller to make known.
  const std::vector<std::string>& passed_over() const { return passed_over_; }

  /// Checks that the step holds exactly these tensors, in these shapes, with these roles. An InputError names
  /// the first that differ, with both shapes.
  void require(const std::vector<layout::TensorSpec>& tensors, std::span<const Role> roles) const;

  /// A part of one tensor's values.
  struct Wanted {
    std::string_view tensor;
    Role role = Role::kParameter;
    layout::Slice slice;
  };
  /// Reads a slice as elements of `type`, row-major, into `out`, which has just that many bytes. Only the
  /// bytes of the slice are read, besides one header for each file touched, with at most 1 MiB of memory. An
  /// InputError where the step has no such tensor, role or slice, or stores a type that does not convert; an
  /// EnvironmentError where a file is damaged.
  void read(const Wanted& wanted, DataType type, std::span<std::byte> out) const;

 private:
  StepReader(std::filesystem::path folder, std::unique_ptr<const Manifest> manifest);
  void check_files() const;

  std::filesystem::path folder_;
  std::unique_ptr<const Manifest> manifest_;
  std::unique_ptr<ShardCache> shards_;
  std::vector<std::string> passed_over_;
};

/// Tells whether a step's folder holds no whole step. One of a format that this program cannot read is
/// somebody's whole step.
bool is_damaged(const std::filesystem::path& step_folder);

}  // namespace tandem::checkpoint
