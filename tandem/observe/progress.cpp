// SPDX-License-Identifier: Apache-2.0
#include "tandem/observe/progress.h"

#include <utility>

#include <fmt/format.h>

#include "tandem/observe/progress_line.h"

namespace tandem::observe {
namespace {

constexpr std::chrono::seconds kRateWindow{60}, kRateSampleEvery{1};

}  // namespace

RateMeter::RateMeter(Time start, int64_t done) : samples_{{start, done}} {}

void RateMeter::add(Time now, int64_t done) {
  // The newest sample is overwritten until it is a second older than the one before it: few samples, any
  // speed.
  if (samples_.size() >= 2 && samples_.back().first - samples_[samples_.size() - 2].first < kRateSampleEvery)
    samples_.pop_back();
  samples_.emplace_back(now, done);
  while (samples_.size() > 2 && now - samples_[1].first >= kRateWindow) samples_.pop_front();
}

std::optional<double> RateMeter::per_second() const {
  const std::chrono::duration<double> time = samples_.back().first - samples_.front().first;
  const int64_t done = samples_.back().second - samples_.front().second;
  if (time.count() <= 0 || done <= 0) return std::nullopt;
  return static_cast<double>(done) / time.count();
}

Progress::Progress(Terminal& terminal, ProgressOptions options, Clock clock)
    : terminal_(terminal),
      options_(std::move(options)),
      clock_(std::move(clock)),
      started_(clock_()),
      rate_(started_, options_.start) {
  state_.done = options_.start;
}

Progress::~Progress() { finish(); }

std::optional<std::chrono::duration<double>> Progress::time_left() const {
  const std::optional<double> rate = rate_.per_second();
  if (!rate || options_.total <= state_.done) return std::nullopt;
  return std::chrono::duration<double>(static_cast<double>(options_.total - state_.done) / *rate);
}

void Progress::update(const ProgressState& state) {
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  const auto now = clock_();
  state_ = state;
  rate_.add(now, state.done);
  const auto wait = terminal_.redraws() ? std::chrono::milliseconds(options_.redraw_every)
                                        : std::chrono::milliseconds(options_.plain_every);
  const bool by_done = !terminal_.redraws() && options_.plain_every_done > 0 &&
                       state.done - shown_done_ >= options_.plain_every_done;
  if (shown_at_ && now - *shown_at_ < wait && !by_done) return;
  shown_at_ = now;
  shown_done_ = state.done;
  if (terminal_.redraws()) {
    terminal_.show_status(format_bar_line(options_, state_, time_left(), terminal_));
  } else {
    terminal_.print(format_plain_line(options_, state_, time_left()));
  }
}

void Progress::finish() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(ended_, true)) return;
  terminal_.clear_status();
  if (shown_at_) terminal_.print(last_line(clock_()));
}

std::string Progress::last_line(std::chrono::steady_clock::time_point now) const {
  return fmt::format("{}, took {}", format_plain_line(options_, state_, std::nullopt),
                     format_duration(now - started_));
}

}  // namespace tandem::observe
