// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "tandem/checkpoint/data_type.h"
#include "tandem/layout/mesh.h"
#include "tandem/layout/slice.h"

namespace tandem::checkpoint {

/// Names the values that belong to one tensor of the model.
enum class Role {
  kParameter,  ///< the value itself: the master weight where training keeps one
  kMoment1,    ///< Adam's running mean of the gradient
  kMoment2,    ///< Adam's running mean of its square
};

/// Returns "parameter", "moment1" or "moment2". Lifetime: static.
std::string_view name_of(Role role);
std::optional<Role> role_named(std::string_view name);

/// What a reader of text needs to know of the tokenizer.
struct TokenizerFacts {
  int32_t pad = 0;
  int32_t eos = 0;
  int32_t first_sentinel = 0;
  int32_t sentinel_count = 0;
  std::string hash;
  bool operator==(const TokenizerFacts&) const = default;
};

/// Everything about a step but its tensors. Equal on all ranks that save it.
struct StepDescription {
  std::string run_id;      ///< the same over the run's life
  int64_t generation = 0;  ///< restarts of the run before this step was saved
  int64_t step = 0;        ///< optimizer steps done, skipped ones included
  std::string code_version;
  /// The resolved configuration without what only says where the run lies, so that equal runs have equal
  /// manifests. An object.
  nlohmann::json config = nlohmann::json::object();
  layout::MeshCoordinate mesh{.data = 1, .pipeline = 1, .tensor = 1};
  int64_t next_sample = 0;        ///< global number of the sample that comes next
  int64_t optimizer_updates = 0;  ///< Adam's step count: skipped steps left out
  int64_t skipped_in_a_row = 0;
  uint64_t seed = 0;
  std::optional<TokenizerFacts> tokenizer;
  /// What is stored of every tensor.
  std::vector<Role> roles = {Role::kParameter};
  bool operator==(const StepDescription&) const = default;
};

/// A box of a tensor, and the bytes that hold it, row-major.
struct StoredSlice {
  layout::Slice box;
  size_t file = 0;       ///< index in Manifest::files
  int64_t position = 0;  ///< first byte, counted in the file
  bool operator==(const StoredSlice&) const = default;
};

/// Where the values of one role of a tensor lie. The slices do not overlap and cover the tensor, in any
/// order.
struct StoredRole {
  DataType type = DataType::kF32;
  std::vector<StoredSlice> slices;
  bool operator==(const StoredRole&) const = default;
};

/// A tensor of the model and all that is stored of it.
struct StoredTensor {
  std::string name;
  layout::Shape shape;  ///< global, without padding
  std::map<Role, StoredRole> roles;
  bool operator==(const StoredTensor&) const = default;
};

/// A shard file of the step.
struct StoredFile {
  std::string name;   ///< in the step's folder, without a slash
  int64_t bytes = 0;  ///< of the whole file, header included
  bool operator==(const StoredFile&) const = default;
};

/// The content of manifest.json: what a step is and where its bytes lie. Format: docs/formats.md.
struct Manifest {
  static constexpr const char* kFileName = "manifest.json";
  static constexpr int kMajor = 1;  ///< a reader refuses another one
  static constexpr int kMinor = 0;  ///< additions that an older reader may pass over

  StepDescription description;
  std::string saved_at;  ///< UTC, ISO 8601
  std::vector<StoredTensor> tensors;
  std::vector<StoredFile> files;
  bool operator==(const Manifest&) const = default;

  /// Returns the tensor of that name, or nullptr.
  const StoredTensor* find(std::string_view name) const;
};

/// Returns the text of manifest.json.
std::string to_text(const Manifest& manifest);

/// Reads a manifest's text and checks it whole: types, ranges, names, coverage, byte ranges inside files.
/// `place` names the file in messages. InputError for a format of another major version, else an
/// EnvironmentError.
Manifest parse_manifest(const std::string& text, const std::string& place);

/// Returns a hash of a configuration, 32 hex digits, that does not depend on the order of its keys.
std::string hash_of(const nlohmann::json& config);

}  // namespace tandem::checkpoint
