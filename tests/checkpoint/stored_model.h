// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <vector>

#include "tandem/checkpoint/manifest.h"
#include "tandem/checkpoint/writer.h"
#include "tandem/layout/bucket.h"
#include "tandem/layout/mesh.h"
#include "tandem/layout/tensor_spec.h"

namespace tandem::checkpoint {

/// How a made-up model lies on ranks.
struct StoredLayout {
  layout::MeshCoordinate mesh{.data = 1, .pipeline = 1, .tensor = 1};
  int64_t bucket_elements = 64;
  bool shards_state = true;  ///< else data rank 0 alone writes
  int64_t chunk_bytes = 64;
};

/// Returns some layout, a function of the number alone.
StoredLayout layout_number(uint64_t number);

/// Returns the made-up model's tensors on so many stages: scalars, vectors, matrices and a three-dim tensor,
/// replicated, split along dims 0 and 1, with a table that does not divide, and one shared by first and last
/// stage.
std::vector<layout::TensorSpec> stored_tensors(int stages);

/// Returns the 4-byte values of a slice of a tensor, which depend on tensor, role and place alone.
std::vector<std::byte> stored_values(size_t tensor, Role role, const layout::Shape& shape,
                                     const layout::Slice& slice);

/// Returns those of a range.
std::vector<std::byte> stored_values(size_t tensor, Role role, const layout::Shape& shape,
                                     const layout::BoxRange& range);

/// What one rank holds and writes.
struct StoredState {
  std::deque<std::vector<std::byte>> buffers;  // that stay where they are
  std::vector<Piece> pieces;
};
StoredState state_of(const StoredLayout& layout, int rank);

inline constexpr Role kAllRoles[] = {Role::kParameter, Role::kMoment1, Role::kMoment2};

/// Returns a description of a step with every field set.
StepDescription described_step(int64_t step, const StoredLayout& layout);

/// Saves the made-up model with threads as ranks, and returns the step's folder. Throws what rank 0 threw.
std::filesystem::path save_model(const std::filesystem::path& folder, const StepDescription& description,
                                 const StoredLayout& layout);

}  // namespace tandem::checkpoint
