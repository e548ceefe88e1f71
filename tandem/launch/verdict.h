// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
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
  double seconds = 0;  ///< from its start to its end
};

/// What one incarnation of this node's ranks came to.
enum class Outcome {
  kDone,        ///< all ended well
  kFailed,      ///< a rank failed, or none could be had
  kLingered,    ///< ranks ran on too long after others had ended well
  kSignalled,   ///< ended by a signal to the launcher
  kOutputLost,  ///< all ended well, but standard output could not be written
};

/// One start of this node's ranks, from first to last.
struct Incarnation {
  LaunchResult result;
  Outcome outcome = Outcome::kDone;
  int signal = 0;                    ///< the first to the launcher, whatever the outcome; 0: none came
  std::optional<int64_t> committed;  ///< highest step that was reported as committed
  std::optional<RankEnding> cause;   ///< of kFailed
  std::vector<RankEnding> endings;   ///< of all ranks, in order of time
  double seconds = 0;                ///< from the start to the end of the last rank
  double stop_seconds = 0;           ///< the part of it after the first failure
};

/// Returns the name of a signal, as `SIGKILL`.
std::string signal_name(int signal);

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
