// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tandem/checkpoint/data_type.h"
#include "tandem/checkpoint/file.h"
#include "tandem/checkpoint/safetensors_header.h"
#include "tandem/layout/slice.h"

namespace tandem::interop {

/// A tensor in a folder of Hugging Face Transformers.
struct HfTensor {
  std::string name;
  size_t file = 0;  ///< index among the folder's weight files
  checkpoint::SafetensorsEntry entry;
};

/// The weights of a model as Hugging Face Transformers saves it: model.safetensors, or files that
/// model.safetensors.index.json lists. Pickled weights are never read. Thread-safe.
class HfWeights {
 public:
  /// Opens all files of the folder and checks their headers, and that the index names just the tensors that
  /// are there. InputError names what is missing, foreign or wrong; EnvironmentError where reading fails.
  static HfWeights open(const std::filesystem::path& folder);

  const std::map<std::string, HfTensor>& tensors() const { return tensors_; }
  /// Returns the tensor of that name, or nullptr.
  const HfTensor* find(const std::string& name) const;
  const std::filesystem::path& folder() const { return folder_; }
  /// Returns what the user should know of the choice of files, a line each.
  const std::vector<std::string>& notes() const { return notes_; }

  /// Fills `out` with the tensor's elements from `first_element` on as elements of `type`, each exactly.
  /// Reads only those, with at most 1 MiB of memory. `type` is common_type's of this tensor, perhaps among
  /// others. InputError names the tensor and the first element that is not finite.
  void read(const HfTensor& tensor, int64_t first_element, checkpoint::DataType type,
            std::span<std::byte> out) const;

 private:
  explicit HfWeights(std::filesystem::path folder) : folder_(std::move(folder)) {}
  void add_file(const std::string& name);
  void add_indexed_files(const std::filesystem::path& index);
  void read_as(const HfTensor& tensor, int64_t first_element, checkpoint::DataType type,
               std::span<std::byte> out) const;

  std::filesystem::path folder_;
  std::vector<checkpoint::File> files_;
  std::map<std::string, HfTensor> tensors_;
  std::vector<std::string> notes_;
};

/// Tells whether elements of this type can be weights: F32, BF16, F16 or F64.
bool is_weight_type(const std::string& type);

/// Returns the narrowest type of a checkpoint that holds all elements of these tensors exactly: BF16, F32 or
/// F64. All must have a weight's type.
checkpoint::DataType common_type(std::span<const HfTensor* const> tensors);

}  // namespace tandem::interop
