// SPDX-License-Identifier: Apache-2.0
// Incarnation after incarnation, as the policy says.
#include "tandem/launch/supervisor.h"

#include <random>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/wait.h>

#include "tandem/base/error.h"
#include "tandem/base/exit_code.h"
#include "tandem/launch/restart_policy.h"
#include "tandem/launch/supervision.h"

namespace tandem::launch {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

double seconds(milliseconds duration) { return std::chrono::duration<double>(duration).count(); }

uint64_t random_seed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

/// Runs the ranks once. A restart that cannot start them is one of the launch's failures, which the policy
/// judges: where it finds no process or no memory, a later one may.
Incarnation run_ranks(LaunchBase& base, int attempt) {
  try {
    return Supervisor(base, attempt).run();
  } catch (const Error& error) {
    if (attempt == 0) throw;
    return {.result = {.exit_code = error.exit_code(), .message = error.what()},
            .outcome = Outcome::kFailed,
            .committed = {},
            .cause = {},
            .endings = {}};
  }
}

/// Waits while no rank lives. Returns the signal that came meanwhile, 0 if none did.
int wait_for_restart(LaunchBase& base, milliseconds delay) {
  const auto end = Clock::now() + delay;
  for (;;) {
    base.console.output().write_some();
    base.console.error().write_some();
    const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
    std::vector<pollfd> entries{{.fd = base.signals.descriptor(), .events = POLLIN}};
    for (const OutputQueue* queue : {&base.console.output(), &base.console.error()})
      if (!queue->empty()) entries.push_back({.fd = queue->descriptor(), .events = POLLOUT});
    ::poll(entries.data(), entries.size(), static_cast<int>(std::max<int64_t>(left.count(), 0)));
    for (const int signal : base.signals.take())
      if (signal != SIGCHLD) return signal;
    // What left its rank's group came to the launcher, and ends when it likes.
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    if (Clock::now() >= end) return 0;
  }
}

void log_ending(LaunchBase& base, int attempt, const Incarnation& incarnation) {
  nlohmann::ordered_json members = {{"attempt", attempt}, {"cause", name_of(incarnation.outcome)}};
  if (incarnation.cause) describe_ending(*incarnation.cause, members);
  if (!incarnation.result.message.empty()) members["message"] = incarnation.result.message;
  members["seconds"] = round_to_milliseconds(incarnation.seconds);
  members["stop_seconds"] = round_to_milliseconds(incarnation.stop_seconds);
  base.log.write("ended", members);
  if (incarnation.result.exit_code != 0) base.log.write_failure(attempt, incarnation);
}

/// Announces the restart that the policy has just decided on.
void announce(LaunchBase& base, const Incarnation& incarnation, const RestartPolicy& policy,
              milliseconds delay) {
  base.console.print(Stream::kError,
                     fmt::format("launch: {}; restart {} of {} in {:.1f} s", incarnation.result.message,
                                 policy.restarts(), policy.limits().max_restarts, seconds(delay)));
  base.log.write("restarting", {{"attempt", policy.restarts()}, {"delay_seconds", seconds(delay)}});
}

LaunchResult run_until_it_ends(LaunchBase& base, RestartPolicy& policy, Next& why) {
  for (int attempt = 0;; ++attempt) {
    const Incarnation incarnation = run_ranks(base, attempt);
    log_ending(base, attempt, incarnation);
    const RestartDecision decision = policy.decide(incarnation);
    why = decision.next;
    if (why != Next::kRestart) return final_result(incarnation, why, policy);
    announce(base, incarnation, policy, decision.delay);
    if (const int signal = wait_for_restart(base, decision.delay); signal != 0) {
      why = Next::kSignalled;
      base.log.write("signal", {{"signal", signal_name(signal)}});
      return {.exit_code = kEnvironmentExit,
              .message =
                  fmt::format("stopped by {} before restart {} of {}; {}", signal_name(signal),
                              policy.restarts(), policy.limits().max_restarts, incarnation.result.message)};
    }
  }
}

}  // namespace

LaunchResult launch(const LaunchOptions& options, const Variables& variables) {
  // A pipe of a rank must not land on a standard descriptor that the caller had closed.
  for (int descriptor = 0; descriptor <= 2; ++descriptor)
    if (::fcntl(descriptor, F_GETFD) < 0) ::open("/dev/null", O_RDWR);
  LaunchBase base(options, variables);
  RestartPolicy policy(options.restarts, random_seed());
  Next why = Next::kDone;
  LaunchResult result = run_until_it_ends(base, policy, why);
  nlohmann::ordered_json members = {{"cause", name_of(why)}, {"exit_code", result.exit_code}};
  if (!result.message.empty()) members["message"] = result.message;
  members["restarts"] = policy.restarts();
  base.log.write("finished", members);
  return result;
}

}  // namespace tandem::launch
