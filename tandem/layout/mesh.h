// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <vector>

namespace tandem::layout {

/// Names the axes of the mesh, in the order of rank numbers: neighbours along `tensor` have consecutive
/// ranks.
enum class Axis { kTensor, kData, kPipeline };

/// Returns "tensor", "data" or "pipeline".
std::string to_string(Axis axis);

/// Place of a rank on the mesh, or the extent of the mesh along each axis.
struct MeshCoordinate {
  int data = 0;
  int pipeline = 0;
  int tensor = 0;

  int along(Axis axis) const;
  bool operator==(const MeshCoordinate&) const = default;
};

/// A data x pipeline x tensor mesh of ranks. Pure arithmetic: rank = tensor + T * (data + D * pipeline).
class Mesh {
 public:
  /// Makes a mesh of the given extents, each at least 1 (BugError otherwise).
  explicit Mesh(MeshCoordinate extent);

  int size() const { return extent_.data * extent_.pipeline * extent_.tensor; }
  const MeshCoordinate& extent() const { return extent_; }

  /// Returns the rank at a coordinate, and the coordinate of a rank.
  int rank_of(const MeshCoordinate& coordinate) const;
  MeshCoordinate coordinate_of(int rank) const;

  /// Returns the ranks that differ from `rank` along `axis` only, in order of that axis; `rank` is among
  /// them.
  std::vector<int> neighbours(int rank, Axis axis) const;

 private:
  MeshCoordinate extent_;
};

}  // namespace tandem::layout
