// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

#include "tandem/checkpoint/agreement.h"
#include "tandem/checkpoint/data_type.h"
#include "tandem/checkpoint/manifest.h"
#include "tandem/layout/tensor_spec.h"

namespace tandem::checkpoint {

/// One slice of one tensor that a rank hands over to be stored. The bytes are not owned; they hold the
/// slice's elements row-major, and nothing else.
struct Piece {
  size_t tensor = 0;  ///< index in the list of specs
  Role role = Role::kParameter;
  layout::Slice slice;  ///< of the global tensor; pieces without elements are passed over
  DataType type = DataType::kF32;
  std::span<const std::byte> bytes;
};

/// Saves one step into `folder` (a run's `checkpoints/`, created if need be) and returns the step's folder
/// there. All ranks call it with equal `description` and `tensors` (all tensors of the model, those of other
/// ranks too); `pieces` are the rank's own, of any number. Together they must hold each element of each
/// tensor, for each of the description's roles, exactly once.
///
/// The step's folder appears by one rename once all is on the disk: each rank writes a shard file into a
/// hidden folder, rank 0 gathers what was written, checks it, writes the manifest and publishes. What earlier
/// saves left unfinished is removed first. Nothing is overwritten: a whole step of that number is an
/// InputError, a damaged one is renamed to `void_…`.
///
/// Communicates: two broadcasts and one gather of texts, all returning on every rank also when a rank fails.
/// A failure on one rank is thrown on all, with its rank and its kind, and no trace of the step stays. Shard
/// files and manifest are a function of the arguments, but for the time of saving.
std::filesystem::path save_step(const std::filesystem::path& folder, const StepDescription& description,
                                const std::vector<layout::TensorSpec>& tensors, std::span<const Piece> pieces,
                                Agreement& agreement);

}  // namespace tandem::checkpoint
