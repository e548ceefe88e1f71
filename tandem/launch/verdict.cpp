// SPDX-License-Identifier: Apache-2.0
#include "tandem/launch/verdict.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "tandem/base/exit_code.h"

namespace tandem::launch {
namespace {

std::string with_words(const std::string& message, const std::string& words) {
  constexpr std::string_view kHead = "error: ";
  const std::string_view said =
      words.starts_with(kHead) ? std::string_view(words).substr(kHead.size()) : words;
  return said.empty() ? message : fmt::format("{}: {}", message, said);
}

/// Says whether a rank ended as one does that lost its peer.
bool lost_something(const Ending& ending) {
  return ending.signal == 0 && ending.exit_code == kEnvironmentExit;
}

}  // namespace

std::string signal_name(int signal) {
  const char* abbreviation = ::sigabbrev_np(signal);
  return abbreviation == nullptr ? "unknown" : std::string("SIG") + abbreviation;
}

std::string describe(const Ending& ending) {
  if (ending.signal != 0) return fmt::format("signal {} ({})", ending.signal, signal_name(ending.signal));
  return fmt::format("exit code {}", ending.exit_code);
}

std::optional<RankEnding> first_cause(const std::vector<RankEnding>& failures) {
  if (failures.empty()) return std::nullopt;
  const auto found = std::find_if(failures.begin(), failures.end(),
                                  [](const RankEnding& rank) { return !lost_something(rank.ending); });
  return found == failures.end() ? failures.front() : *found;
}

bool may_be_the_cause(const Ending& ending, const std::vector<RankEnding>& failures) {
  for (const int signal : {SIGTERM, SIGKILL})
    if (ending.signal == signal || ending.exit_code == 128 + signal) return false;
  return !failures.empty() && !ending.well() && !lost_something(ending) &&
         std::all_of(failures.begin(), failures.end(),
                     [](const RankEnding& rank) { return lost_something(rank.ending); });
}

LaunchResult failed_launch(const RankEnding& cause) {
  return {.exit_code = cause.ending.signal != 0 ? kEnvironmentExit : cause.ending.exit_code,
          .message = with_words(fmt::format("rank {} failed with {}", cause.rank, describe(cause.ending)),
                                cause.last_words)};
}

LaunchResult signalled_launch(int signal, const std::vector<RankEnding>& endings) {
  const RankEnding* told = nullptr;
  for (const RankEnding& rank : endings) {
    if (rank.ending.well()) continue;
    // The lowest rank that ended by itself says best what became of the job.
    const auto order = [](const RankEnding& r) { return std::pair(r.ending.signal != 0, r.rank); };
    if (told == nullptr || order(rank) < order(*told)) told = &rank;
  }
  if (told == nullptr) return {};
  return {.exit_code = kEnvironmentExit,
          .message = with_words(fmt::format("stopped by {}; rank {} ended with {}", signal_name(signal),
                                            told->rank, describe(told->ending)),
                                told->last_words)};
}

}  // namespace tandem::launch
