// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

namespace tandem::checkpoint {

/// Takes note of a moment, such as a promise that was given.
using Mark = std::function<void(const std::string& text)>;

/// Something that is done to a disk and may be cut off anywhere.
struct Scenario {
  std::string name;
  /// Makes what is there before. Nothing of it can be lost.
  std::function<void(const std::filesystem::path& root)> before = [](const std::filesystem::path&) {};
  std::function<void(const std::filesystem::path& root, const Mark& mark)> action;
  /// Returns what is wrong with a disk that is left after these marks, "" if nothing is. May change it.
  std::function<std::string(const std::filesystem::path& root, const std::vector<std::string>& marks)> flaw;
};

/// Prints what a failing test's case is called.
inline void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.name; }

/// How many disks were looked at.
struct CrashCounts {
  int operations = 0;
  int drawn = 0;     ///< states, each prefix of the operations among them
  int distinct = 0;  ///< of them
};

/// Records a scenario and looks at every disk that ending the process leaves, and at `draws` that a loss of
/// power may leave after each operation, drawn from the seed. Each disk that has a flaw is a failure of the
/// test.
CrashCounts explore(const Scenario& scenario, int draws, uint64_t seed);

}  // namespace tandem::checkpoint
