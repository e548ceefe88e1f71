// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <vector>

#include "tandem/launch/console.h"
#include "tandem/launch/guard.h"
#include "tandem/launch/launch_plan.h"
#include "tandem/launch/rank_output.h"
#include "tandem/launch/rank_process.h"
#include "tandem/launch/report_pipe.h"
#include "tandem/launch/signal_source.h"
#include "tandem/launch/supervisor_log.h"
#include "tandem/launch/verdict.h"

namespace tandem::launch {

/// What a launcher holds while incarnations of its ranks come and go: the port above all.
struct LaunchBase {
  LaunchBase(const LaunchOptions& launch_options, const Variables& variables);

  const LaunchOptions& options;
  LaunchPlan plan;
  SignalSource signals;
  Guard guard;
  Console console;
  SupervisorLog log;
};

/// A local rank, from its start until all of its output is passed on.
struct SupervisedRank {
  RankProcess process;
  std::unique_ptr<RankOutput> output;
  bool reaped = false;      ///< the leader is gone
  bool group_gone = false;  ///< and so is what it started

  /// Says whether more output may come.
  bool open() const { return process.output || process.error; }
};

/// The loop behind launch(), for one incarnation of the ranks: waits for signals, ends, output, reports and
/// deadlines, and acts on each.
class Supervisor {
 public:
  /// `attempt`: incarnations before this one.
  Supervisor(LaunchBase& base, int attempt);
  /// Kills and awaits ranks that an exception left behind.
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Runs the ranks once, as launch() says. Call it once.
  Incarnation run();

 private:
  using Clock = std::chrono::steady_clock;

  void start();
  void await_event();
  void take_signals();
  void reap();
  void end_rank(SupervisedRank& rank, const siginfo_t& info);
  void pass_output(SupervisedRank& rank);
  void read_from(SupervisedRank& rank, Stream stream);
  void end_output(SupervisedRank& rank);
  void take_reports();
  void keep_deadlines();
  void note(const RankEnding& ending);
  void stop_all(Clock::time_point kill_at);
  void signal_all(int signal);
  bool all_reaped() const;
  bool done() const;
  Incarnation outcome() const;
  LaunchResult result(const Incarnation& incarnation) const;
  double seconds_since(Clock::time_point start) const;
  int rank_of(const SupervisedRank& rank) const {
    return plan_.first_rank + static_cast<int>(&rank - ranks_.data());
  }
  int poll_timeout() const;

  const LaunchOptions& options_;
  LaunchPlan& plan_;
  SignalSource& signals_;
  Guard& guard_;
  Console& console_;
  SupervisorLog& log_;
  const int attempt_;
  ReportPipe reports_;
  std::vector<SupervisedRank> ranks_;
  std::vector<RankEnding> endings_;   ///< in order of time, last words not yet filled in
  std::vector<RankEnding> failures_;  ///< those of them that failed by themselves, as far as can be told
  bool stopping_ = false;             ///< a failure ends the job
  bool lingered_ = false;             ///< ranks ran on too long after others had ended well
  int signal_ = 0;                    ///< the first that was passed on
  int heard_ = 0;                     ///< the first that came, even if no rank was left to hear it
  std::optional<int64_t> committed_;  ///< highest step reported
  Clock::time_point started_at_ = Clock::now();
  std::optional<Clock::time_point> failed_at_;
  Clock::time_point last_signal_{};
  std::optional<Clock::time_point> settled_at_, finish_by_, kill_at_;
};

}  // namespace tandem::launch
