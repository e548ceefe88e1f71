// SPDX-License-Identifier: Apache-2.0
#include "tandem/layout/mesh.h"

#include "tandem/base/error.h"

namespace tandem::layout {

std::string to_string(Axis axis) {
  switch (axis) {
    case Axis::kTensor:
      return "tensor";
    case Axis::kData:
      return "data";
    case Axis::kPipeline:
      break;
  }
  return "pipeline";
}

int MeshCoordinate::along(Axis axis) const {
  return axis == Axis::kTensor ? tensor : axis == Axis::kData ? data : pipeline;
}

Mesh::Mesh(MeshCoordinate extent) : extent_(extent) {
  TANDEM_CHECK(extent.data >= 1 && extent.pipeline >= 1 && extent.tensor >= 1, "mesh {} x {} x {}",
               extent.data, extent.pipeline, extent.tensor);
}

int Mesh::rank_of(const MeshCoordinate& coordinate) const {
  return coordinate.tensor + extent_.tensor * (coordinate.data + extent_.data * coordinate.pipeline);
}

MeshCoordinate Mesh::coordinate_of(int rank) const {
  TANDEM_CHECK(rank >= 0 && rank < size(), "rank {} of {}", rank, size());
  return {.data = rank / extent_.tensor % extent_.data,
          .pipeline = rank / (extent_.tensor * extent_.data),
          .tensor = rank % extent_.tensor};
}

std::vector<int> Mesh::neighbours(int rank, Axis axis) const {
  MeshCoordinate coordinate = coordinate_of(rank);
  int& moving = axis == Axis::kTensor ? coordinate.tensor
                : axis == Axis::kData ? coordinate.data
                                      : coordinate.pipeline;
  std::vector<int> ranks;
  for (moving = 0; moving < extent_.along(axis); ++moving) ranks.push_back(rank_of(coordinate));
  return ranks;
}

}  // namespace tandem::layout
