// SPDX-License-Identifier: Apache-2.0
// What an incarnation came to, once all of its ranks are gone.
#include <cstring>

#include <fmt/format.h>

#include "tandem/base/exit_code.h"
#include "tandem/launch/supervision.h"

namespace tandem::launch {

double Supervisor::seconds_since(Clock::time_point start) const {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Incarnation Supervisor::outcome() const {
  const auto add_words = [this](std::vector<RankEnding> endings) {
    for (RankEnding& ending : endings)
      ending.last_words = ranks_[static_cast<size_t>(ending.rank - plan_.first_rank)].output->last_words();
    return endings;
  };
  Incarnation incarnation{.signal = heard_,
                          .committed = committed_,
                          .cause = first_cause(add_words(failures_)),
                          .endings = add_words(endings_),
                          .seconds = seconds_since(started_at_),
                          .stop_seconds = failed_at_ ? seconds_since(*failed_at_) : 0};
  if (incarnation.cause)
    incarnation.outcome = Outcome::kFailed;
  else if (signal_ != 0)
    incarnation.outcome = Outcome::kSignalled;
  else if (lingered_)
    incarnation.outcome = Outcome::kLingered;
  else if (console_.output().failure() != 0)
    incarnation.outcome = Outcome::kOutputLost;
  incarnation.result = result(incarnation);
  return incarnation;
}

LaunchResult Supervisor::result(const Incarnation& incarnation) const {
  switch (incarnation.outcome) {
    case Outcome::kDone:
      break;
    case Outcome::kFailed:
      return failed_launch(*incarnation.cause);
    case Outcome::kSignalled:
      return signalled_launch(signal_, incarnation.endings);
    case Outcome::kLingered:
      return {.exit_code = kEnvironmentExit,
              .message = fmt::format("rank {} was done, but others ran on for {} s and were stopped",
                                     endings_.front().rank, options_.finish_grace->count())};
    case Outcome::kOutputLost:
      return {.exit_code = kEnvironmentExit,
              .message = fmt::format("the ranks are done, but standard output could not be written: {}",
                                     std::strerror(console_.output().failure()))};
  }
  return {};
}

}  // namespace tandem::launch
