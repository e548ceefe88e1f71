// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "tandem/base/descriptor.h"
#include "tandem/launch/console.h"
#include "tandem/launch/verdict.h"

namespace tandem::launch {

/// The launcher's own record in the folder of the ranks' logs: `supervisor_<node>.jsonl`, a line a change of
/// state, appended and written at once; `failure_g<attempt>.json`, a file a failure. docs/formats.md says
/// what is in them. A disk that has no room is told on the console and ends no rank. Not thread-safe.
class SupervisorLog {
 public:
  struct Place {
    std::string folder;  ///< empty: nothing is recorded
    int node = 0;
  };
  /// Makes the folder if needed. `console` must outlive it. Throws InputError where the folder or the file
  /// cannot be had.
  SupervisorLog(Place place, Console& console);

  /// Appends {time, event, members…}; `members` is an object.
  void write(std::string_view event, const nlohmann::ordered_json& members);

  /// Stores how an incarnation failed, under a name that is still free.
  void write_failure(int attempt, const Incarnation& incarnation);

 private:
  std::string free_name(int attempt) const;

  Place place_;
  Console& console_;
  Descriptor file_;
};

/// Adds how a rank ended: `rank`, `exit_code` or `signal`.
void describe_ending(const RankEnding& ending, nlohmann::ordered_json& members);

/// Rounds a duration for a log.
double round_to_milliseconds(double seconds);

/// Returns the name of an outcome in the log, such as `failed`.
std::string_view name_of(Outcome outcome);

}  // namespace tandem::launch
