// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tandem/layout/mesh.h"
#include "tandem/layout/slice.h"

namespace tandem::layout {

/// One parameter tensor of the model: its name, its global shape, and how it lies on the mesh. The name and
/// the shape are the same under every layout; everything that a layout changes is computed from this.
struct TensorSpec {
  static constexpr int kReplicated = -1;

  std::string name;
  /// Global shape, without any padding.
  Shape shape;
  /// The dim that is split over the tensor axis, or kReplicated. Each tensor rank holds ceil(shape[dim] / T)
  /// of it; where T does not divide, the last ranks' rows beyond the global shape are padding: held, but no
  /// part of the model.
  int tensor_dim = kReplicated;
  /// Pipeline stages that hold a copy, ascending. The first one owns the tensor: it counts it in norms and
  /// files.
  std::vector<int> stages = {0};
  /// Whether weight decay applies.
  bool decays = true;
  /// Initial values are normal with this mean, and this standard deviation: one for all, or one for each
  /// index of dim 0.
  double initial_mean = 0;
  std::vector<double> initial_deviation = {0};

  bool is_on(int stage) const;
  int owner_stage() const { return stages.front(); }
  /// Tells whether the ranks at a coordinate count and save what they hold of it: those of the owner stage,
  /// and of a replicated tensor only tensor rank 0. Whatever the data rank.
  bool is_owned_at(const MeshCoordinate& coordinate) const;
  bool is_shared() const { return stages.size() > 1; }
};

/// Returns the shape that each tensor rank of `num_ranks` holds, padding included.
Shape local_shape(const TensorSpec& spec, int num_ranks);

/// Returns the part of the global tensor that tensor rank `rank` of `num_ranks` holds, padding excluded: its
/// extent along the split dim may be less than local_shape's, even 0.
Slice local_slice(const TensorSpec& spec, int rank, int num_ranks);

/// A box of the global tensor, and the run of a local tensor's elements (row-major, padding included) that
/// holds it.
struct PlacedBox {
  Slice global;
  int64_t local_offset = 0;
};

/// Cuts elements [begin, begin + count) of the local tensor of tensor rank `rank` into boxes of the global
/// tensor. Elements that are padding belong to no box. Only dim 0 may be padded.
std::vector<PlacedBox> placed_boxes(const TensorSpec& spec, int rank, int num_ranks, int64_t begin,
                                    int64_t count);

}  // namespace tandem::layout
