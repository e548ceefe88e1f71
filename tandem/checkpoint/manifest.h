// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
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

/// A role that a step stores of every tensor, and its element type there.
struct StoredRole {
  Role role = Role::kParameter;
  DataType type = DataType::kF32;
  bool operator==(const StoredRole&) const = default;
};

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
  std::vector<int64_t> samples;   ///< of each source of the training data: with the seed, they tell the order
  int64_t optimizer_updates = 0;  ///< Adam's step count: skipped steps left out
  int64_t skipped_in_a_row = 0;
  uint64_t seed = 0;
  std::optional<TokenizerFacts> tokenizer;
  std::optional<double> validation_loss;  ///< held-out loss at this step, where it was measured
  /// What is stored of every tensor, element sizes not ascending, so that each element is aligned.
  std::vector<StoredRole> roles;
  bool operator==(const StepDescription&) const = default;
};

/// Returns the bytes that a step stores of one element: of all its roles.
int64_t element_bytes(const StepDescription& description);

/// A tensor of the model.
struct StoredTensor {
  std::string name;
  layout::Shape shape;  ///< global, without padding
  bool operator==(const StoredTensor&) const = default;
};

/// Elements of one tensor that a file holds, for each of the step's roles.
struct StoredRange {
  size_t tensor = 0;  ///< index in Manifest::tensors
  layout::BoxRange range;
  int64_t first = 0;  ///< elements of the file's ranges before this one
  bool operator==(const StoredRange&) const = default;
};

/// A shard file of the step: a header, then for each role, in the step's order, all ranges one behind
/// another. Each chunk of the file, header included, has a CRC32C.
struct StoredFile {
  std::string name;        ///< in the step's folder, without a slash
  int64_t bytes = 0;       ///< of the whole file, header included
  int64_t data_begin = 0;  ///< bytes of the header; a multiple of 8
  std::vector<uint32_t> chunk_sums;
  std::vector<StoredRange> ranges;
  bool operator==(const StoredFile&) const = default;

  /// Returns the number of elements of all ranges.
  int64_t num_elements() const;
  /// Returns the CRC32C of the whole file.
  uint32_t sum(int64_t chunk_bytes) const;
};

/// The content of manifest.json: what a step is and where its bytes lie. Format: docs/formats.md.
struct Manifest {
  static constexpr const char* kFileName = "manifest.json";
  static constexpr int kMajor = 1;  ///< a reader refuses another one
  static constexpr int kMinor = 0;  ///< additions that an older reader may pass over

  StepDescription description;
  std::string saved_at;                    ///< UTC, ISO 8601
  int64_t chunk_bytes = int64_t{1} << 20;  ///< that one CRC32C covers: files are read in these units
  std::vector<StoredTensor> tensors;
  std::vector<StoredFile> files;
  bool operator==(const Manifest&) const = default;

  /// Returns the place of a role in the step's list, or nothing.
  std::optional<size_t> find_role(Role role) const;
  /// Returns the first byte of a range's values of the role at place `role`, counted in its file.
  int64_t position_of(const StoredFile& file, const StoredRange& range, size_t role) const;
};

/// Returns how many bytes one checksum should cover in a step of so many: 64 KiB, or as much more, a power of
/// two, as keeps the checksums below two millions.
int64_t usual_chunk_bytes(int64_t step_bytes);

/// Returns the text of manifest.json.
std::string to_text(const Manifest& manifest);

/// Returns `body`, the text of a JSON object without its closing brace, closed by the SHA-256 of itself: no
/// byte of the text can change unnoticed.
std::string sealed(std::string body);

/// Returns the text of the manifest in a step's folder, unchecked.
std::string read_manifest_text(const std::filesystem::path& step_folder);

/// Returns the seal, 64 hex digits, with which the manifest in a step's folder ends, whether or not it is
/// right; "" where there is none. Manifests of one seal are equal once they were read.
std::string claimed_seal(const std::filesystem::path& step_folder);

/// Returns the generation that the manifest in a step's folder claims near its beginning, whether or not it
/// is right; nothing where there is none.
std::optional<int64_t> claimed_generation(const std::filesystem::path& step_folder);

/// Reads a manifest's text and checks it whole: its seal, types, ranges, names, coverage, byte ranges inside
/// files. `place` names the file in messages. InputError for a format of another major version or with
/// features that this program does not know, else an EnvironmentError.
Manifest parse_manifest(const std::string& text, const std::string& place);

/// Returns a hash of a configuration, 32 hex digits, that does not depend on the order of its keys.
std::string hash_of(const nlohmann::json& config);

}  // namespace tandem::checkpoint
