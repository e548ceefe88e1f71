// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/checkpointing.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "tandem/layout/state_parts.h"

namespace tandem::train {

namespace {

using checkpoint::DataType;
using checkpoint::Role;

parallel::State state_of(Role role) {
  switch (role) {
    case Role::kMoment1:
      return parallel::State::kMoment1;
    case Role::kMoment2:
      return parallel::State::kMoment2;
    case Role::kParameter:
      break;
  }
  return parallel::State::kMaster;
}

// Returns the elements of a part in this rank's memory.
at::Tensor values_of(ShardedModel& model, Role role, const layout::StatePart& part) {
  return model.optimizer().shard(state_of(role), part.bucket).narrow(0, part.offset, part.range.count);
}

std::span<std::byte> bytes_of(const at::Tensor& values) {
  return {static_cast<std::byte*>(values.data_ptr()), values.nbytes()};
}

// Replicas of a part learn it from the rank that has read it: those on other stages first, then those of the
// tensor group. Replicas list their parts alike, so they meet here in one order.
void share(const ShardedModel& model, const layout::AssignedPart& assigned, const at::Tensor& values) {
  const layout::TensorSpec& spec = model.table()[assigned.part.tensor];
  const layout::MeshCoordinate &here = model.coordinate(), &writer = assigned.writer;
  if (spec.is_shared() && here.tensor == writer.tensor) {
    const auto root = std::ranges::find(spec.stages, writer.pipeline) - spec.stages.begin();
    model.shared_groups().at(spec.stages).broadcast(values, static_cast<int>(root));
  }
  if (spec.tensor_dim == layout::TensorSpec::kReplicated)
    model.groups().tensor.broadcast(values, writer.tensor);
}

DataType stored_type(ShardedModel& model) {
  return model.storage().types().accumulation == at::kDouble ? DataType::kF64 : DataType::kF32;
}

}  // namespace

std::vector<std::string> GroupAgreement::gather(const std::string& mine) { return group_.gather_text(mine); }

std::string GroupAgreement::broadcast(const std::string& from_first) {
  return group_.broadcast_text(from_first);
}

std::vector<checkpoint::StoredRole> stored_roles(ShardedModel& model) {
  std::vector<checkpoint::StoredRole> roles;
  for (const Role role : {Role::kParameter, Role::kMoment1, Role::kMoment2})
    roles.push_back({.role = role, .type = stored_type(model)});
  return roles;
}

std::vector<checkpoint::Piece> written_pieces(ShardedModel& model,
                                              std::span<const checkpoint::StoredRole> roles) {
  std::vector<checkpoint::Piece> pieces;
  for (const layout::StatePart& part : layout::written_parts(model.state_layout(), model.coordinate())) {
    checkpoint::Piece& piece =
        pieces.emplace_back(checkpoint::Piece{.tensor = part.tensor, .range = part.range, .values = {}});
    for (const auto& [role, type] : roles) {
      auto values = std::make_shared<const at::Tensor>(values_of(model, role, part));
      const std::span<const std::byte> bytes = bytes_of(*values);
      piece.values.emplace_back(bytes, std::move(values));
    }
  }
  return pieces;
}

void load_model(ShardedModel& model, const checkpoint::StepReader& reader, std::span<const Role> roles) {
  reader.require(model.table(), roles);
  GroupAgreement agreement(model.groups().world);
  const std::vector<layout::AssignedPart> parts =
      layout::assigned_parts(model.state_layout(), model.coordinate());
  checkpoint::on_every_rank(agreement, [&] {
    std::vector<checkpoint::StepReader::Request> requests;
    for (const auto& [part, writer] : parts)
      if (writer == model.coordinate())
        for (const Role role : roles)
          requests.push_back({.tensor = model.table()[part.tensor].name,
                              .role = role,
                              .range = part.range,
                              .type = stored_type(model),
                              .out = bytes_of(values_of(model, role, part))});
    reader.read(requests, at::get_num_threads());
  });
  for (const layout::AssignedPart& assigned : parts)
    for (const Role role : roles) share(model, assigned, values_of(model, role, assigned.part));
  model.optimizer().publish();
}

}  // namespace tandem::train
