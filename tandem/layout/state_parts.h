// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "tandem/layout/bucket.h"
#include "tandem/layout/mesh.h"
#include "tandem/layout/tensor_spec.h"

namespace tandem::layout {

/// All that decides which rank keeps which element of the optimizer's state.
struct StateLayout {
  std::vector<TensorSpec> table;
  Mesh mesh;
  int64_t max_bucket_elements = BucketRules{}.max_elements;

  BucketRules bucket_rules() const;
};

/// A run of elements of one tensor in a rank's own part of the state: of its master weight or of one moment,
/// which lie alike.
struct StatePart {
  size_t tensor = 0;   ///< index of the table
  BoxRange range;      ///< which elements of the global tensor; its box is all that the tensor rank holds
  size_t bucket = 0;   ///< of the stage's buckets, as make_buckets lists them
  int64_t offset = 0;  ///< of the first element, in the data rank's part of that bucket
  bool operator==(const StatePart&) const = default;
};

/// Lists the rank's own part of the state: what its data rank owns of its stage's buckets, padding left out,
/// in ascending order of tensors and elements. Pure; any rank may ask for any other.
std::vector<StatePart> held_parts(const StateLayout& layout, const MeshCoordinate& place);

/// Lists the ranks that hold the very elements of a tensor that the rank at `place` holds, itself among them:
/// those of its data rank on each of the tensor's stages and, of a tensor that is not split, on each tensor
/// rank. Ascending by stage, then by tensor rank.
std::vector<MeshCoordinate> replicas_of(const TensorSpec& spec, const Mesh& mesh,
                                        const MeshCoordinate& place);

/// A part of the state, and which of the ranks that hold it writes it.
struct AssignedPart {
  StatePart part;
  MeshCoordinate writer;
};

/// Lists held_parts, cut so that each has one writer among its replicas: parts of 2^18 elements or more are
/// cut into equal runs, one for each replica; smaller ones go whole to one replica, in turn. Replicas list
/// what they share alike and in one order, the table's, so that a loader may read only the parts that it
/// writes and broadcast them: within the tensor group from rank `writer.tensor` (tensors that are not split),
/// among the stages of a shared tensor from `writer.pipeline`. Pure, without communication.
std::vector<AssignedPart> assigned_parts(const StateLayout& layout, const MeshCoordinate& place);

/// Lists the parts that the rank writes: those of assigned_parts whose writer it is. Over all ranks of the
/// mesh they hold each element of each tensor exactly once.
std::vector<StatePart> written_parts(const StateLayout& layout, const MeshCoordinate& place);

}  // namespace tandem::layout
