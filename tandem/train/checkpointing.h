// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tandem/checkpoint/agreement.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/writer.h"
#include "tandem/comm/group.h"
#include "tandem/comm/store_channel.h"
#include "tandem/train/sharded_model.h"

namespace tandem::train {

/// The few words that ranks exchange around files, over a group.
class GroupAgreement final : public checkpoint::Agreement {
 public:
  explicit GroupAgreement(const comm::Group& group) : group_(group) {}
  int rank() const override { return group_.rank(); }
  int size() const override { return group_.size(); }
  std::vector<std::string> gather(const std::string& mine) override;
  std::string broadcast(const std::string& from_first) override;

 private:
  const comm::Group& group_;
};

/// The same, through the job's store: for the thread that saves.
class ChannelAgreement final : public checkpoint::Agreement {
 public:
  explicit ChannelAgreement(comm::StoreChannel channel) : channel_(std::move(channel)) {}
  int rank() const override { return channel_.rank(); }
  int size() const override { return channel_.size(); }
  void begin_exchange() override { channel_.begin_exchange(); }
  std::vector<std::string> gather(const std::string& mine) override { return channel_.gather(mine); }
  std::string broadcast(const std::string& from_first) override { return channel_.broadcast(from_first); }

 private:
  comm::StoreChannel channel_;
};

/// Returns what a step stores of each tensor: master weights and moments, in the accumulation type.
std::vector<checkpoint::StoredRole> stored_roles(ShardedModel& model);

/// Returns what this rank writes of them: views of its memory, which they keep, good until the next step.
/// Over all ranks each element of the model is in one piece; replicas share the work.
std::vector<checkpoint::Piece> written_pieces(ShardedModel& model,
                                              std::span<const checkpoint::StoredRole> roles);

/// Fills master weights (Role::kParameter) or also the moments from a step of any layout. Each element is
/// read by one of the ranks that hold it, which tells the others. All ranks call; what one cannot read is an
/// error on all, before a value is used: as checkpoint::StepReader::read, with the rank in front.
void load_model(ShardedModel& model, const checkpoint::StepReader& reader,
                std::span<const checkpoint::Role> roles);

}  // namespace tandem::train
