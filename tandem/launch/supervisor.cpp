// SPDX-License-Identifier: Apache-2.0
#include "tandem/launch/supervisor.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tandem/base/error.h"
#include "tandem/launch/console.h"
#include "tandem/launch/guard.h"
#include "tandem/launch/rank_output.h"
#include "tandem/launch/signal_source.h"

namespace tandem::launch {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How long the failure of a rank that lost a peer (exit code 3) waits for the peer's own end to be seen.
constexpr milliseconds kSettling{150};
// Signals this close together are one: `timeout` and terminals send to the process and to its group.
constexpr milliseconds kSameSignal{1000};
// How often the rest of a group is looked for after its leader has ended; nothing announces its end.
constexpr milliseconds kGroupPolling{20};

struct Rank {
  RankProcess process;
  std::unique_ptr<RankOutput> output;
  bool reaped = false;      ///< the leader is gone
  bool group_gone = false;  ///< and so is what it started
};

class Supervisor {
 public:
  Supervisor(const LaunchOptions& options, const Variables& variables)
      : options_(options),
        plan_(plan_launch(options, variables)),
        console_({.output = options.output_descriptor, .error = options.error_descriptor}) {}
  ~Supervisor() {
    // Only an exception leaves ranks behind.
    signal_all(SIGKILL);
    for (Rank& rank : ranks_) {
      if (!rank.reaped) ::waitpid(rank.process.pid, nullptr, 0);
      if (!rank.group_gone) guard_.forget(rank.process.pid);
    }
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  }

  LaunchResult run() {
    start();
    while (!done()) {
      await_event();
      take_signals();
      reap();
      for (Rank& rank : ranks_) pass_output(rank);
      keep_deadlines();
      console_.output().write_some();
      console_.error().write_some();
    }
    return result();
  }

 private:
  void start();
  void await_event();
  void take_signals();
  void reap();
  void end_rank(Rank& rank, const siginfo_t& info);
  void pass_output(Rank& rank);
  void read_from(Rank& rank, Stream stream);
  void keep_deadlines();
  void note(const RankEnding& ending);
  void stop_all(Clock::time_point kill_at);
  void signal_all(int signal);
  bool all_reaped() const;
  bool done() const;
  LaunchResult result() const;
  int rank_of(const Rank& rank) const { return plan_.first_rank + static_cast<int>(&rank - ranks_.data()); }
  int poll_timeout() const;

  const LaunchOptions& options_;
  LaunchPlan plan_;
  SignalSource signals_;
  Guard guard_;
  Console console_;
  std::vector<Rank> ranks_;
  std::vector<RankEnding> endings_;   ///< in order of time, last words not yet filled in
  std::vector<RankEnding> failures_;  ///< those of them that failed before anything was stopped
  bool stopping_ = false;             ///< a failure ends the job
  bool lingered_ = false;             ///< ranks ran on too long after others had ended well
  int signal_ = 0;                    ///< the first that was passed on
  Clock::time_point last_signal_{};
  std::optional<Clock::time_point> settled_at_, finish_by_, kill_at_;
};

void Supervisor::start() {
  // What a rank leaves behind becomes a child of the launcher, which so sees its end. Set after the guard is
  // forked: that one is not to be a child.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  std::vector<FileDescriptor> logs(plan_.ranks.size());
  if (!options_.log_folder.empty())
    for (size_t i = 0; i < logs.size(); ++i)
      logs[i] = open_rank_log(options_.log_folder, plan_.first_rank + static_cast<int>(i));
  ranks_.reserve(plan_.ranks.size());
  for (size_t i = 0; i < plan_.ranks.size(); ++i) {
    const int global_rank = plan_.first_rank + static_cast<int>(i);
    const bool owns_bar = global_rank == 0 && console_.shows_status();
    // Rank 0 writes into a pipe; this tells it that a terminal of so many columns lies behind.
    plan_.ranks[i].erase("TANDEM_TERMINAL");
    if (owns_bar) plan_.ranks[i]["TANDEM_TERMINAL"] = std::to_string(console_.columns());
    Rank rank{.process = start_process(options_.program, plan_.ranks[i], signals_)};
    guard_.watch(rank.process.pid);
    rank.output = std::make_unique<RankOutput>(RankOutput::Options{.rank = global_rank, .owns_bar = owns_bar},
                                               console_, std::move(logs[i]));
    ranks_.push_back(std::move(rank));
  }
}

int Supervisor::poll_timeout() const {
  std::optional<Clock::time_point> next;
  for (const auto& deadline : {settled_at_, finish_by_, kill_at_})
    if (deadline && (!next || *deadline < *next)) next = deadline;
  for (const Rank& rank : ranks_)
    if (rank.reaped && !rank.group_gone)
      next = std::min(next.value_or(Clock::time_point::max()), Clock::now() + kGroupPolling);
  if (!next) return -1;
  const auto left = std::chrono::ceil<milliseconds>(*next - Clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 3'600'000));
}

void Supervisor::await_event() {
  std::vector<pollfd> entries{{.fd = signals_.descriptor(), .events = POLLIN}};
  for (const OutputQueue* queue : {&console_.output(), &console_.error()})
    if (!queue->empty()) entries.push_back({.fd = queue->descriptor(), .events = POLLOUT});
  // Ranks wait while the launcher's own reader is slow, so that nothing is lost and memory stays bounded.
  if (!console_.congested())
    for (const Rank& rank : ranks_)
      for (const FileDescriptor* end : {&rank.process.output, &rank.process.error})
        if (*end) entries.push_back({.fd = end->get(), .events = POLLIN});
  if (::poll(entries.data(), entries.size(), poll_timeout()) < 0 && errno != EINTR)
    throw EnvironmentError("cannot wait for the ranks: {}", std::strerror(errno));
}

void Supervisor::take_signals() {
  for (const int signal : signals_.take()) {
    if (signal == SIGCHLD) continue;
    const auto now = Clock::now();
    const bool repeated = signal_ != 0;
    if (repeated && now - last_signal_ < kSameSignal) continue;
    last_signal_ = now;
    if (all_reaped()) {
      // Only a reader that does not read is left to wait for.
      console_.output().drop();
      console_.error().drop();
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

void Supervisor::reap() {
  siginfo_t info{};
  while (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
    const auto rank = std::find_if(ranks_.begin(), ranks_.end(), [&](const Rank& candidate) {
      return !candidate.reaped && candidate.process.pid == info.si_pid;
    });
    if (rank != ranks_.end()) end_rank(*rank, info);
    ::waitpid(info.si_pid, nullptr, 0);
    info = {};
  }
  for (Rank& rank : ranks_)
    if (rank.reaped && !rank.group_gone && ::kill(-rank.process.pid, 0) != 0 && errno == ESRCH) {
      rank.group_gone = true;
      guard_.forget(rank.process.pid);
    }
}

void Supervisor::end_rank(Rank& rank, const siginfo_t& info) {
  rank.reaped = true;
  // What a rank leaves behind ends with it, unless a signal went to the whole group and the rest may be
  // saving. The leader is still a zombie here, so the group's number is nobody else's.
  if (signal_ == 0 || stopping_) ::kill(-rank.process.pid, SIGKILL);
  const bool exited = info.si_code == CLD_EXITED;
  note({.rank = rank_of(rank),
        .ending = {.exit_code = exited ? info.si_status : 0, .signal = exited ? 0 : info.si_status},
        .last_words = {}});
}

void Supervisor::note(const RankEnding& ending) {
  endings_.push_back(ending);
  const auto& [code, signal] = ending.ending;
  const auto now = Clock::now();
  if (ending.ending.well()) {
    if (signal_ == 0 && !stopping_ && !finish_by_) finish_by_ = now + options_.finish_grace;
    return;
  }
  // 128 + signal is how a shell passes on that its command was ended by one.
  const bool asked_for = signal_ != 0 && (code == 3 || code == 128 + signal_ || signal == signal_);
  if (stopping_ || asked_for) return;
  failures_.push_back(ending);
  const auto settled_at = code == 3 ? now + kSettling : now;
  settled_at_ = std::min(settled_at_.value_or(Clock::time_point::max()), settled_at);
}

void Supervisor::read_from(Rank& rank, Stream stream) {
  FileDescriptor& end = stream == Stream::kOutput ? rank.process.output : rank.process.error;
  std::array<char, 65536> bytes;
  while (end && !console_.congested()) {
    const ssize_t size = ::read(end.get(), bytes.data(), bytes.size());
    if (size > 0) {
      rank.output->take(stream, {bytes.data(), static_cast<size_t>(size)});
    } else if (size == 0 || (errno == EAGAIN && rank.group_gone)) {
      // Somebody outside of the group may hold the pipe open; what the rank wrote has been read.
      end.reset();
    } else if (errno != EINTR) {
      return;
    }
  }
}

void Supervisor::pass_output(Rank& rank) {
  const bool open = rank.process.output || rank.process.error;
  read_from(rank, Stream::kOutput);
  read_from(rank, Stream::kError);
  if (open && !rank.process.output && !rank.process.error) rank.output->finish();
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
    finish_by_.reset();
    if (lingered_) stop_all(now + options_.stop_grace);
  }
  if (kill_at_ && now >= *kill_at_) {
    signal_all(SIGKILL);
    kill_at_.reset();
  }
}

void Supervisor::signal_all(int signal) {
  for (const Rank& rank : ranks_) {
    if (rank.group_gone) continue;
    ::kill(-rank.process.pid, signal);
    // A stopped process would not hear the signal.
    if (signal != SIGKILL) ::kill(-rank.process.pid, SIGCONT);
  }
}

bool Supervisor::all_reaped() const {
  return std::all_of(ranks_.begin(), ranks_.end(), [](const Rank& rank) { return rank.reaped; });
}

bool Supervisor::done() const {
  return console_.flushed() && std::all_of(ranks_.begin(), ranks_.end(), [](const Rank& rank) {
           return rank.group_gone && !rank.process.output && !rank.process.error;
         });
}

LaunchResult Supervisor::result() const {
  const auto add_words = [this](std::vector<RankEnding> endings) {
    for (RankEnding& ending : endings)
      ending.last_words = ranks_[static_cast<size_t>(ending.rank - plan_.first_rank)].output->last_words();
    return endings;
  };
  if (const auto cause = first_cause(add_words(failures_))) return failed_launch(*cause);
  if (signal_ != 0) return signalled_launch(signal_, add_words(endings_));
  if (!lingered_) return {};
  return {.exit_code = 3,
          .message = fmt::format("rank {} was done, but others ran on for {} s and were stopped",
                                 endings_.front().rank, options_.finish_grace.count())};
}

}  // namespace

LaunchResult launch(const LaunchOptions& options, const Variables& variables) {
  // A pipe of a rank must not land on a standard descriptor that the caller had closed.
  for (int descriptor = 0; descriptor <= 2; ++descriptor)
    if (::fcntl(descriptor, F_GETFD) < 0) ::open("/dev/null", O_RDWR);
  return Supervisor(options, variables).run();
}

}  // namespace tandem::launch
