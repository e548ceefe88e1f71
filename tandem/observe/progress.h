// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "tandem/observe/terminal.h"

namespace tandem::observe {

/// What long work reports. What is not known stays empty and is not shown.
struct ProgressState {
  int64_t done = 0;
  std::optional<double> loss;
  std::optional<double> tokens_per_second;
  std::optional<double> gemm_share;  ///< share of the measured GEMM peak, 0 to 1
};

struct ProgressOptions {
  std::string label;  ///< as in "train"
  int64_t total = 0;  ///< where `done` ends; 0: unknown, no bar and no time left
  int64_t start = 0;  ///< where `done` starts, as after a resume
  std::string unit;   ///< after the numbers, as in "documents"; may be empty
  std::chrono::milliseconds redraw_every{100};
  std::chrono::seconds plain_every{30};  ///< on a plain terminal: a line at most this often ...
  int64_t plain_every_done = 0;          ///< ... and whenever this much more is done; 0: by time only
};

/// Estimates a speed over the last minute, so that what is shown follows a change but not each step's noise.
class RateMeter {
 public:
  using Time = std::chrono::steady_clock::time_point;
  RateMeter(Time start, int64_t done);
  /// Takes over that `done` units were done at `now`. `now` never falls; `done` counts as the constructor's.
  void add(Time now, int64_t done);
  /// Returns units a second over the samples of the last minute, or nothing before the first progress.
  std::optional<double> per_second() const;

 private:
  std::deque<std::pair<Time, int64_t>> samples_;
};

/// Shows the progress of one long work. On a terminal one line is redrawn in place; elsewhere lines are
/// printed now and then, the first and the last always. Thread-safe; an update costs microseconds.
class Progress {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;
  Progress(Terminal& terminal, ProgressOptions options, Clock clock = std::chrono::steady_clock::now);
  /// Ends the display if finish() was not called.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Takes over where the work is, all of it: what is empty in `state` is shown no more. Shows it if the last
  /// time was long enough ago, else only remembers it.
  void update(const ProgressState& state);
  /// Takes the bar away and leaves its last state as a line. Later updates show nothing.
  void finish();

 private:
  std::optional<std::chrono::duration<double>> time_left() const;
  std::string last_line(std::chrono::steady_clock::time_point now) const;

  Terminal& terminal_;
  const ProgressOptions options_;
  const Clock clock_;
  std::mutex mutex_;
  const std::chrono::steady_clock::time_point started_;
  RateMeter rate_;
  ProgressState state_;
  std::optional<std::chrono::steady_clock::time_point> shown_at_;
  int64_t shown_done_ = 0;
  bool ended_ = false;
};

}  // namespace tandem::observe
