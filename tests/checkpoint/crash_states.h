// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "disk_model.h"
#include "recorder.h"

namespace tandem::checkpoint {

/// Something that is done to a disk and may be cut off anywhere.
struct Scenario {
  /// Makes what is there before, at its last place: nothing of it can be lost.
  std::function<void(const std::filesystem::path& root)> before = [](const std::filesystem::path&) {};
  /// Is recorded; marks what it was promised.
  std::function<void(const std::filesystem::path& root, Recorder&)> action;
  /// Returns what is wrong with a disk that was left after these marks, "" if nothing is. May change it.
  std::function<std::string(const std::filesystem::path& root, const std::vector<std::string>& marks)> flaw;
};

/// How many disks were looked at.
struct CrashCounts {
  int operations = 0;
  int drawn = 0;     ///< states, each prefix of the operations among them
  int distinct = 0;  ///< of them
};

/// Records a scenario and looks at every disk that ending the process leaves, and at `draws` that a loss of
/// power may leave after each operation, drawn from the seed. Each disk that has a flaw is a failure of the
/// test.
CrashCounts explore(const Scenario& scenario, int draws, unsigned seed);

}  // namespace tandem::checkpoint
