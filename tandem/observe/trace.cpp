// SPDX-License-Identifier: Apache-2.0
#include "tandem/observe/trace.h"

#include <algorithm>
#include <utility>

#include "tandem/base/error.h"

namespace tandem::observe {
namespace {

int this_thread() {
  static std::atomic<int> next{0};
  thread_local const int number = next.fetch_add(1, std::memory_order_relaxed);
  return number;
}

}  // namespace

void Trace::start(size_t capacity) {
  TANDEM_CHECK(capacity > 0);
  const std::lock_guard lock(mutex_);
  ring_.clear();
  capacity_ = capacity;
  recorded_ = 0;
  on_.store(true, std::memory_order_relaxed);
}

void Trace::record(const TraceEvent& event) {
  const std::lock_guard lock(mutex_);
  if (!on() || capacity_ == 0) return;
  if (ring_.size() < capacity_) {
    ring_.push_back(event);
  } else {
    ring_[recorded_ % capacity_] = event;
  }
  ++recorded_;
}

void Trace::add(SpanName span, int64_t start_ns, int64_t end_ns) {
  record({span, start_ns, end_ns - start_ns, this_thread(), 0});
}

OpenSpan Trace::begin(SpanName span) {
  if (!on()) return {};
  return {span, now_ns(), this_thread(), next_async_id_.fetch_add(1, std::memory_order_relaxed)};
}

void Trace::end(const OpenSpan& open) {
  if (open.async_id == 0) return;
  record({open.span, open.start_ns, now_ns() - open.start_ns, open.thread, open.async_id});
}

void Trace::name_thread(std::string name) {
  const std::lock_guard lock(mutex_);
  thread_names_[this_thread()] = std::move(name);
}

std::vector<TraceEvent> Trace::events() const {
  const std::lock_guard lock(mutex_);
  std::vector<TraceEvent> events = ring_;
  if (recorded_ > events.size())
    std::rotate(events.begin(), events.begin() + static_cast<std::ptrdiff_t>(recorded_ % capacity_),
                events.end());
  return events;
}

uint64_t Trace::dropped() const {
  const std::lock_guard lock(mutex_);
  return recorded_ - ring_.size();
}

Trace& process_trace() {
  static auto* trace = new Trace;
  return *trace;
}

}  // namespace tandem::observe
