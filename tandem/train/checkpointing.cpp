// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/checkpointing.h"

#include <string>
#include <vector>

#include <ATen/ATen.h>

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

// Calls visit(tensor index, box, bytes) for each piece of one kind of state in this rank's own parts of the
// buckets.
template <typename Visit>
void for_each_piece(ShardedModel& model, Role role, const Visit& visit) {
  const layout::MeshCoordinate& place = model.coordinate();
  for (size_t bucket = 0; bucket < model.storage().buckets().size(); ++bucket) {
    const at::Tensor shard = model.optimizer().shard(state_of(role), bucket);
    for (const layout::ShardSegment& segment :
         layout::shard_segments(model.storage().buckets()[bucket], place.data))
      for (layout::PlacedBox& box :
           layout::placed_boxes(model.table()[segment.tensor], place.tensor, model.mesh().extent().tensor,
                                segment.tensor_offset, segment.num_elements)) {
        const at::Tensor values = shard.narrow(
            0, segment.shard_offset + box.local_offset - segment.tensor_offset, box.global.num_elements());
        visit(segment.tensor, box.global,
              std::span<std::byte>(static_cast<std::byte*>(values.data_ptr()), values.nbytes()));
      }
  }
}

DataType stored_type(ShardedModel& model) {
  return model.storage().types().accumulation == at::kDouble ? DataType::kF64 : DataType::kF32;
}

}  // namespace

std::vector<std::string> GroupAgreement::gather(const std::string& mine) { return group_.gather_text(mine); }

std::string GroupAgreement::broadcast(const std::string& from_first) {
  return group_.broadcast_text(from_first);
}

std::filesystem::path save_model(ShardedModel& model, const std::filesystem::path& folder,
                                 const checkpoint::StepDescription& description) {
  const layout::MeshCoordinate& place = model.coordinate();
  std::vector<checkpoint::Piece> pieces;
  for (const Role role : description.roles)
    for_each_piece(model, role, [&](size_t tensor, const layout::Slice& box, std::span<std::byte> bytes) {
      const layout::TensorSpec& spec = model.table()[tensor];
      if (!spec.is_owned_at(place)) return;
      pieces.push_back(
          {.tensor = tensor, .role = role, .slice = box, .type = stored_type(model), .bytes = bytes});
    });
  GroupAgreement agreement(model.groups().world);
  return checkpoint::save_step(folder, description, model.table(), pieces, agreement);
}

void load_model(ShardedModel& model, const checkpoint::StepReader& reader, std::span<const Role> roles) {
  reader.require(model.table(), roles);
  for (const Role role : roles)
    for_each_piece(model, role, [&](size_t tensor, const layout::Slice& box, std::span<std::byte> bytes) {
      reader.read({.tensor = model.table()[tensor].name, .role = role, .slice = box}, stored_type(model),
                  bytes);
    });
  model.optimizer().publish();
}

}  // namespace tandem::train
