// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tandem/checkpoint/manifest.h"

namespace tandem::checkpoint {

/// What a manifest's table of tensors is read with.
struct TensorTableContext {
  std::string place;                     ///< names the manifest in messages
  const std::vector<StoredFile>& files;  ///< what slices point into
  const std::vector<Role>& roles;        ///< what each tensor must have
  bool may_have_more = false;            ///< members of a newer minor version are passed over
};

/// Reads a manifest's `tensors` and checks names, shapes, coverage and byte ranges. EnvironmentError
/// otherwise.
std::vector<StoredTensor> parse_tensor_table(const nlohmann::json& list, const TensorTableContext& context);

}  // namespace tandem::checkpoint
