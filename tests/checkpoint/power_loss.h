// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "disk_model.h"

namespace tandem::checkpoint {

/// The states that a loss of power may leave. What an fsync that had returned covers is there; of the rest
/// any part, as in ALICE (Pillai et al., OSDI 2014). A file's fsync covers its bytes, but no name of it. A
/// folder's covers the entries that its own machine made, renamed or removed there, as on a network file
/// system. Names come and go one by one, in any order; of unsynced bytes each block may be there, old, zero
/// or garbage, and the length may lag behind.
class PowerLoss {
 public:
  /// The power goes after the first `point` operations of a history, which must outlive this.
  PowerLoss(const DiskHistory& history, size_t point);

  /// Ways to draw a state; the first ones are extremes, without chance.
  static constexpr int kWays = 9, kExtremes = 4;
  Disk draw(int way, std::mt19937_64& random) const;

 private:
  enum class Data { kNone, kAll, kZeros, kTorn };
  std::set<size_t> lost_entries(int way, std::mt19937_64& random) const;
  std::string torn(const std::string& old, const std::string& written, Data data,
                   std::mt19937_64& random) const;

  const DiskHistory& history_;
  std::vector<bool> is_durable_;  // of each operation before the point
  std::vector<size_t> entries_;   // operations on folders that may be lost
  std::set<int> files_;           // that have bytes which may be lost
};

}  // namespace tandem::checkpoint
