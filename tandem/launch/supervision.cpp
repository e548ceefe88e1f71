// SPDX-License-Identifier: Apache-2.0
// The loop: starting the ranks, waiting, passing their output on.
#include "tandem/launch/supervision.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tandem/base/error.h"

namespace tandem::launch {
namespace {

using std::chrono::milliseconds;

// How often the rest of a group is looked for after its leader has ended; nothing announces its end.
constexpr milliseconds kGroupPolling{20};

}  // namespace

LaunchBase::LaunchBase(const LaunchOptions& launch_options, const Variables& variables)
    : options(launch_options),
      plan(plan_launch(options, variables)),
      console({.output = options.output_descriptor, .error = options.error_descriptor}),
      log({.folder = options.log_folder, .node = options.node_rank}, console) {}

Supervisor::Supervisor(LaunchBase& base, int attempt)
    : options_(base.options),
      plan_(base.plan),
      signals_(base.signals),
      guard_(base.guard),
      console_(base.console),
      log_(base.log),
      attempt_(attempt) {}

Supervisor::~Supervisor() {
  signal_all(SIGKILL);
  for (const SupervisedRank& rank : ranks_) {
    if (!rank.reaped) ::waitpid(rank.process.pid, nullptr, 0);
    if (!rank.group_gone) guard_.forget(rank.process.pid);
  }
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

Incarnation Supervisor::run() {
  start();
  log_.write("started", {{"attempt", attempt_},
                         {"first_rank", plan_.first_rank},
                         {"ranks", ranks_.size()},
                         {"seconds", round_to_milliseconds(seconds_since(started_at_))}});
  while (!done()) {
    await_event();
    take_signals();
    reap();
    for (SupervisedRank& rank : ranks_) pass_output(rank);
    take_reports();
    keep_deadlines();
    console_.output().write_some();
    console_.error().write_some();
  }
  // What a rank reported just before its end counts.
  take_reports();
  return outcome();
}

void Supervisor::start() {
  // What a rank leaves behind becomes a child of the launcher, which so sees its end. Set after the guard is
  // forked: that one is not to be a child.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  std::vector<Descriptor> logs(plan_.ranks.size());
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
    // Ranks of several nodes need not agree on it: where rank 0 serves the store, each start has a fresh one.
    plan_.ranks[i]["TORCHELASTIC_RESTART_COUNT"] = std::to_string(attempt_);
    reports_.describe(plan_.ranks[i]);
    SupervisedRank rank{
        .process = start_process(options_.program, plan_.ranks[i], signals_, reports_.write_descriptor())};
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
  for (const SupervisedRank& rank : ranks_) {
    if (rank.reaped && !rank.group_gone)
      next = std::min(next.value_or(Clock::time_point::max()), Clock::now() + kGroupPolling);
    // Nothing announces that its pipes have no more: another look says so.
    if (rank.group_gone && rank.open() && !console_.congested()) next = Clock::now();
  }
  if (!next) return -1;
  const auto left = std::chrono::ceil<milliseconds>(*next - Clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 3'600'000));
}

void Supervisor::await_event() {
  std::vector<pollfd> entries{{.fd = signals_.descriptor(), .events = POLLIN},
                              {.fd = reports_.descriptor(), .events = POLLIN}};
  for (const OutputQueue* queue : {&console_.output(), &console_.error()})
    if (!queue->empty()) entries.push_back({.fd = queue->descriptor(), .events = POLLOUT});
  // Ranks wait while the launcher's own reader is slow, so that nothing is lost and memory stays bounded.
  if (!console_.congested())
    for (const SupervisedRank& rank : ranks_)
      for (const Descriptor* end : {&rank.process.output, &rank.process.error})
        if (*end) entries.push_back({.fd = end->get(), .events = POLLIN});
  if (::poll(entries.data(), entries.size(), poll_timeout()) < 0 && errno != EINTR)
    throw EnvironmentError("cannot wait for the ranks: {}", std::strerror(errno));
}

void Supervisor::read_from(SupervisedRank& rank, Stream stream) {
  Descriptor& end = stream == Stream::kOutput ? rank.process.output : rank.process.error;
  if (!end || console_.congested()) return;
  // One read a turn: a rank that writes without end must not keep signals, ends and other ranks waiting.
  std::array<char, 65536> bytes;
  const ssize_t size = ::read(end.get(), bytes.data(), bytes.size());
  if (size > 0)
    rank.output->take(stream, {bytes.data(), static_cast<size_t>(size)});
  else if (size == 0 || (errno == EAGAIN && rank.group_gone))
    // Somebody outside of the group may hold the pipe open; what the rank wrote has been read.
    end.reset();
}

void Supervisor::pass_output(SupervisedRank& rank) {
  if (!rank.open()) return;
  read_from(rank, Stream::kOutput);
  read_from(rank, Stream::kError);
  if (!rank.open()) rank.output->finish();
}

bool Supervisor::all_reaped() const {
  return std::all_of(ranks_.begin(), ranks_.end(), [](const SupervisedRank& rank) { return rank.reaped; });
}

bool Supervisor::done() const {
  return console_.flushed() && std::all_of(ranks_.begin(), ranks_.end(), [](const SupervisedRank& rank) {
           return rank.group_gone && !rank.open();
         });
}

}  // namespace tandem::launch
