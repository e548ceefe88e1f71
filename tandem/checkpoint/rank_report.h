// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/manifest.h"

namespace tandem::checkpoint {

/// What a rank tells rank 0 once its shard file is on the disk, or once it has failed.
struct RankReport {
  std::string run_id;
  int64_t step = 0;
  std::optional<Failure> failure;
  std::optional<StoredFile> file;  ///< nothing for a rank without pieces
};

/// Turns a report into a message, and back.
std::string to_message(const RankReport& report);
RankReport report_of(const std::string& message);

}  // namespace tandem::checkpoint
