// SPDX-License-Identifier: Apache-2.0
// What happens to the ranks, and what that leads to: signals, ends, deadlines.
#include <algorithm>
#include <cerrno>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

#include "tandem/base/exit_code.h"
#include "tandem/launch/supervision.h"

namespace tandem::launch {
namespace {

using std::chrono::milliseconds;

// How long the failure of a rank that lost a peer (exit code 3) waits for the peer's own end to be seen.
constexpr milliseconds kSettling{150};
// Signals this close together are one: `timeout` and terminals send to the process and to its group.
constexpr milliseconds kSameSignal{1000};

}  // namespace

void Supervisor::take_signals() {
  for (const int signal : signals_.take()) {
    if (signal == SIGCHLD) continue;
    const auto now = Clock::now();
    if (heard_ == 0) {
      heard_ = signal;
      log_.write("signal", {{"attempt", attempt_}, {"signal", signal_name(signal)}});
    }
    const bool repeated = signal_ != 0;
    if (repeated && now - last_signal_ < kSameSignal) continue;
    last_signal_ = now;
    if (all_reaped()) {
      // Left to wait for are a reader that does not read, and writers outside of the ranks' groups.
      console_.output().drop();
      console_.error().drop();
      for (SupervisedRank& rank : ranks_)
        if (rank.group_gone) end_output(rank);
    } else if (repeated) {
      console_.print(Stream::kError, fmt::format("launch: second signal: ranks are killed in {:.1f} s",
                                                 std::chrono::duration<double>(options_.stop_grace).count()));
      kill_at_ = std::min(kill_at_.value_or(Clock::time_point::max()), now + options_.stop_grace);
    } else {
      signal_ = signal == SIGHUP ? SIGTERM : signal;
      console_.print(Stream::kError,
                     fmt::format("launch: signal {} passed on to {} ranks", signal, ranks_.size()));
      signal_all(signal_);
      kill_at_ = std::min(kill_at_.value_or(Clock::time_point::max()), now + options_.signal_grace);
      finish_by_.reset();
    }
  }
}

void Supervisor::end_output(SupervisedRank& rank) {
  if (!rank.open()) return;
  rank.process.output.reset();
  rank.process.error.reset();
  rank.output->finish();
}

void Supervisor::reap() {
  siginfo_t info{};
  while (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
    const auto rank = std::find_if(ranks_.begin(), ranks_.end(), [&](const SupervisedRank& candidate) {
      return !candidate.reaped && candidate.process.pid == info.si_pid;
    });
    if (rank != ranks_.end()) end_rank(*rank, info);
    ::waitpid(info.si_pid, nullptr, 0);
    info = {};
  }
  for (SupervisedRank& rank : ranks_)
    if (rank.reaped && !rank.group_gone && ::kill(-rank.process.pid, 0) != 0 && errno == ESRCH) {
      rank.group_gone = true;
      guard_.forget(rank.process.pid);
    }
}

void Supervisor::end_rank(SupervisedRank& rank, const siginfo_t& info) {
  rank.reaped = true;
  // What it reported came before its end.
  take_reports();
  // What a rank leaves behind ends with it, unless a signal went to the whole group and the rest may be
  // saving. The leader is still a zombie here, so the group's number is nobody else's.
  if (signal_ == 0 || stopping_) ::kill(-rank.process.pid, SIGKILL);
  const bool exited = info.si_code == CLD_EXITED;
  note({.rank = rank_of(rank),
        .ending = {.exit_code = exited ? info.si_status : 0, .signal = exited ? 0 : info.si_status},
        .last_words = {},
        .seconds = seconds_since(started_at_)});
}

void Supervisor::note(const RankEnding& ending) {
  endings_.push_back(ending);
  nlohmann::ordered_json members = {{"attempt", attempt_}};
  describe_ending(ending, members);
  members["seconds"] = round_to_milliseconds(ending.seconds);
  log_.write("rank_ended", members);
  const auto& [code, signal] = ending.ending;
  const auto now = Clock::now();
  if (ending.ending.well()) {
    if (options_.finish_grace && signal_ == 0 && !stopping_ && !finish_by_)
      finish_by_ = now + *options_.finish_grace;
    return;
  }
  // 128 + signal is how a shell passes on that its command was ended by one.
  const bool asked_for =
      signal_ != 0 && (code == kEnvironmentExit || code == 128 + signal_ || signal == signal_);
  if (asked_for || (stopping_ && !may_be_the_cause(ending.ending, failures_))) return;
  failures_.push_back(ending);
  if (!failed_at_) failed_at_ = now;
  if (stopping_) return;
  const auto settled_at = code == kEnvironmentExit ? now + kSettling : now;
  settled_at_ = std::min(settled_at_.value_or(Clock::time_point::max()), settled_at);
}

void Supervisor::take_reports() {
  for (const int64_t step : reports_.take()) {
    if (committed_ && step <= *committed_) continue;
    committed_ = step;
    log_.write("committed", {{"attempt", attempt_}, {"step", step}});
  }
}

void Supervisor::stop_all(Clock::time_point kill_at) {
  stopping_ = true;
  finish_by_.reset();
  settled_at_.reset();
  kill_at_ = std::min(kill_at_.value_or(Clock::time_point::max()), kill_at);
  signal_all(SIGTERM);
}

void Supervisor::keep_deadlines() {
  const auto now = Clock::now();
  if (settled_at_ && now >= *settled_at_) stop_all(*settled_at_ + options_.stop_grace);
  if (finish_by_ && now >= *finish_by_) {
    lingered_ = !all_reaped();
    failed_at_ = now;
    finish_by_.reset();
    if (lingered_) stop_all(now + options_.stop_grace);
  }
  if (kill_at_ && now >= *kill_at_) {
    signal_all(SIGKILL);
    kill_at_.reset();
  }
}

void Supervisor::signal_all(int signal) {
  for (const SupervisedRank& rank : ranks_) {
    if (rank.group_gone) continue;
    ::kill(-rank.process.pid, signal);
    // A stopped process would not hear the signal.
    if (signal != SIGKILL) ::kill(-rank.process.pid, SIGCONT);
  }
}

}  // namespace tandem::launch
