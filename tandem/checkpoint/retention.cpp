// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/retention.h"

#include "tandem/base/error.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/step_folders.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

std::vector<fs::path> keep_newest(const fs::path& folder, int64_t keep) {
  TANDEM_CHECK(keep >= 0, "keep {}", keep);
  std::vector<fs::path> removed;
  if (keep == 0) return removed;
  const std::vector<FoundStep> steps = find_steps(folder);
  int64_t kept = 0;
  for (auto found = steps.rbegin(); found != steps.rend(); ++found) {
    if (kept < keep) {
      kept += is_damaged(found->folder) ? 0 : 1;
    } else {
      remove_step(found->folder);
      removed.push_back(found->folder);
    }
  }
  return removed;
}

}  // namespace tandem::checkpoint
