// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>

#include "tandem/checkpoint/agreement.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/writer.h"
#include "tandem/comm/group.h"
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

/// Saves master weights and moments: each rank writes what it owns, straight from its memory. All ranks call;
/// returns the step's folder. Errors as checkpoint::save_step.
std::filesystem::path save_model(ShardedModel& model, const std::filesystem::path& folder,
                                 const checkpoint::StepDescription& description);

/// Fills master weights (Role::kParameter) or also the moments from a step of any layout; each rank reads
/// what it holds. All ranks call. Errors as checkpoint::StepReader::read.
void load_model(ShardedModel& model, const checkpoint::StepReader& reader,
                std::span<const checkpoint::Role> roles);

}  // namespace tandem::train
