// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tandem/launch/rank_process.h"

namespace tandem::launch {

/// What a launch comes to.
struct LaunchResult {
  int exit_code = 0;
  std::string message;  ///< one line; empty if all went well
};

/// How and when one rank ended, as the supervisor saw it.
struct RankEnding {
  int rank = 0;
  Ending ending;
  std::string last_words;
};

/// Formats how a rank ended, as in `exit code 17` or `signal 9 (SIGKILL)`.
std::string describe(const Ending& ending);

/// Picks of failures in order of time the one that the others follow from: the first that is not exit code 3,
/// since a rank that loses a peer ends with 3 itself; else the first. Empty if there was none.
std::optional<RankEnding> first_cause(const std::vector<RankEnding>& failures);

/// Says whether a rank that ended while the others were being ended, by SIGTERM and then SIGKILL, may be what
/// the failures so far follow from: all of them are exit code 3, and it failed otherwise than by those two.
bool may_be_the_cause(const Ending& ending, const std::vector<RankEnding>& failures);

/// Returns the result of a launch that failed because of `cause`: its exit code, or 3 after a signal.
LaunchResult failed_launch(const RankEnding& cause);

/// Returns the result after `signal` was passed on to the ranks and they ended without failing: 0 if all
/// were done, else 3.
LaunchResult signalled_launch(int signal, const std::vector<RankEnding>& endings);

}  // namespace tandem::launch
