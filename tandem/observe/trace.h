// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace tandem::observe {

/// What a span is called. Name and category are string literals; `index` tells equal names apart (a layer, a
/// bucket, a micro-batch), -1: none.
struct SpanName {
  const char* name;
  const char* category;
  int64_t index = -1;
};

/// A span that was recorded. Times are nanoseconds of the monotonic clock, equal for all processes of a
/// machine.
struct TraceEvent {
  SpanName span;
  int64_t start_ns;
  int64_t duration_ns;
  int thread;         ///< of its start: 0, 1, ... in the order in which threads were first seen
  uint64_t async_id;  ///< 0: it began and ended in one thread, nested with that thread's other spans
};

/// A span that has begun and may be ended in any thread, once.
struct OpenSpan {
  SpanName span{};
  int64_t start_ns = 0;
  int thread = 0;
  uint64_t async_id = 0;  ///< 0: the trace was off
};

/// Records spans of one rank. Off until start(): then a span costs one atomic load. Thread-safe.
class Trace {
 public:
  /// Forgets all and records from now on, the newest `capacity` spans.
  void start(size_t capacity = size_t{1} << 20);
  void stop() { on_.store(false, std::memory_order_relaxed); }
  bool on() const { return on_.load(std::memory_order_relaxed); }

  /// Records a span of the calling thread that has just ended.
  void add(SpanName span, int64_t start_ns, int64_t end_ns);
  /// Begins a span that end() ends, maybe in another thread. An open span is copyable and owns nothing.
  OpenSpan begin(SpanName span);
  void end(const OpenSpan& open);
  /// Names the calling thread in the written file.
  void name_thread(std::string name);

  /// Returns the recorded spans, by their end.
  std::vector<TraceEvent> events() const;
  /// Returns how many older spans did not fit.
  uint64_t dropped() const;

  /// Writes the spans as Chrome's trace event JSON, which Perfetto and chrome://tracing show: a process a
  /// rank, asynchronous spans on lines of their own. Throws EnvironmentError.
  void write(const std::filesystem::path& path, int rank) const;

  static int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }

 private:
  void record(const TraceEvent& event);

  std::atomic<bool> on_{false};
  std::atomic<uint64_t> next_async_id_{1};
  mutable std::mutex mutex_;
  std::vector<TraceEvent> ring_;
  size_t capacity_ = 0;
  uint64_t recorded_ = 0;
  std::map<int, std::string> thread_names_;
};

/// Returns the trace of this process. It lives for ever.
Trace& process_trace();

/// Records the time from its construction to its end of life, as in
/// `const ScopedSpan span({"backward", "compute"});`.
class ScopedSpan {
 public:
  explicit ScopedSpan(SpanName span, Trace& trace = process_trace())
      : trace_(trace.on() ? &trace : nullptr), span_(span), start_ns_(trace_ ? Trace::now_ns() : 0) {}
  ~ScopedSpan() {
    if (trace_ != nullptr) trace_->add(span_, start_ns_, Trace::now_ns());
  }
  ScopedSpan(const ScopedSpan&) = delete;
  ScopedSpan& operator=(const ScopedSpan&) = delete;

 private:
  Trace* trace_;
  SpanName span_;
  int64_t start_ns_;
};

}  // namespace tandem::observe
