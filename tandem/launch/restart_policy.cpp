// SPDX-License-Identifier: Apache-2.0
#include "tandem/launch/restart_policy.h"

#include <algorithm>

#include <fmt/format.h>

#include "tandem/base/exit_code.h"
#include "tandem/base/random.h"

namespace tandem::launch {
namespace {

constexpr double kMostJitter = 0.25;

bool failed(const Incarnation& incarnation) {
  return incarnation.outcome == Outcome::kFailed || incarnation.outcome == Outcome::kLingered;
}

}  // namespace

std::chrono::milliseconds back_off(const RestartLimits& limits, int row, double jitter) {
  auto delay = std::min(limits.first_delay, limits.longest_delay);
  for (int i = 0; i < row && delay < limits.longest_delay; ++i)
    delay = std::min(2 * delay, limits.longest_delay);
  return std::chrono::duration_cast<std::chrono::milliseconds>(delay * (1 + kMostJitter * jitter));
}

std::string_view name_of(Next next) {
  switch (next) {
    case Next::kRestart:
      return "restart";
    case Next::kDone:
      return "done";
    case Next::kSignalled:
      return "signal";
    case Next::kMistake:
      return "mistake";
    case Next::kOutputLost:
      return "output_lost";
    case Next::kCrashLoop:
      return "crash_loop";
    case Next::kNoRestartLeft:
      return "no_restart_left";
  }
  return "unknown";
}

RestartDecision RestartPolicy::decide(const Incarnation& incarnation) {
  if (incarnation.committed && (!newest_step_ || *incarnation.committed > *newest_step_)) {
    newest_step_ = incarnation.committed;
    row_ = 0;
  }
  if (incarnation.signal != 0) return {.next = Next::kSignalled};
  if (!failed(incarnation))
    return {.next = incarnation.outcome == Outcome::kOutputLost ? Next::kOutputLost : Next::kDone};
  if (incarnation.result.exit_code == kInputExit) return {.next = Next::kMistake};
  if (row_ >= limits_.most_without_progress) return {.next = Next::kCrashLoop};
  if (restarts_ >= limits_.max_restarts) return {.next = Next::kNoRestartLeft};
  const double jitter = CounterRandom(seed_, "restart").uniform(static_cast<uint64_t>(restarts_));
  const auto delay = back_off(limits_, row_, jitter);
  ++restarts_;
  ++row_;
  return {.next = Next::kRestart, .delay = delay};
}

LaunchResult final_result(const Incarnation& last, Next why, const RestartPolicy& policy) {
  const int allowed = policy.limits().max_restarts;
  LaunchResult result = last.result;
  if (allowed == 0 || !failed(last)) return result;
  if (why == Next::kSignalled)
    result.message += fmt::format("; not restarted after {}", signal_name(last.signal));
  if (why == Next::kMistake) result.message += fmt::format("; exit code {} is not retried", kInputExit);
  if (why == Next::kCrashLoop)
    result.message += fmt::format("; crash_loop: {} restarts in a row without a newly committed step",
                                  policy.limits().most_without_progress);
  result.message += fmt::format("; {} of {} restarts used", policy.restarts(), allowed);
  return result;
}

}  // namespace tandem::launch
