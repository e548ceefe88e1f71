// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tandem/launch/verdict.h"

namespace tandem::launch {

/// How often and how soon ranks that failed start again.
struct RestartLimits {
  int max_restarts = 0;           ///< over the whole launch
  int most_without_progress = 3;  ///< in a row, no step having been committed in between
  std::chrono::milliseconds first_delay{1000};
  std::chrono::milliseconds longest_delay{60'000};
};

/// Returns the back-off before a restart: first_delay x 2^row, at most longest_delay, and then up to a
/// quarter longer, so that many nodes do not come back in one instant. `row`: restarts before it in a row;
/// `jitter` is from [0, 1). Pure.
std::chrono::milliseconds back_off(const RestartLimits& limits, int row, double jitter);

/// What follows the end of an incarnation: a restart, or the end of the launch for one reason.
enum class Next {
  kRestart,
  kDone,        ///< all ranks ended well
  kSignalled,   ///< a signal to the launcher
  kMistake,     ///< exit code 2, which would come again
  kOutputLost,  ///< the ranks are done, but not all of their output was written
  kCrashLoop,   ///< restarts in a row brought no newly committed step
  kNoRestartLeft
};

/// Returns the name as logs have it, such as `crash_loop`.
std::string_view name_of(Next next);

struct RestartDecision {
  Next next = Next::kDone;
  std::chrono::milliseconds delay{0};  ///< of a restart
};

/// Decides after each incarnation of the ranks. Knows no clock and no process.
class RestartPolicy {
 public:
  /// `seed` is where jitter comes from.
  RestartPolicy(const RestartLimits& limits, uint64_t seed) : limits_(limits), seed_(seed) {}

  /// Takes note of how an incarnation ended and of the steps it committed, and says what follows. A step
  /// counts as new if it is above all that earlier incarnations committed; it resets row and back-off, but
  /// not the number of restarts used. Call it once an incarnation, in their order.
  RestartDecision decide(const Incarnation& incarnation);

  /// Returns restarts decided on.
  int restarts() const { return restarts_; }
  const RestartLimits& limits() const { return limits_; }

 private:
  RestartLimits limits_;
  uint64_t seed_;
  int restarts_ = 0;
  int row_ = 0;  ///< restarts since the last newly committed step
  std::optional<int64_t> newest_step_;
};

/// Returns what the launch comes to when no restart follows: the last incarnation's exit code, and its
/// message with why it was not started again and how many restarts were used. Where none was allowed, its
/// result as it is.
LaunchResult final_result(const Incarnation& last, Next why, const RestartPolicy& policy);

}  // namespace tandem::launch
