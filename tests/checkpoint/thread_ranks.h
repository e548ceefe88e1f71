// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tandem/checkpoint/agreement.h"

namespace tandem::checkpoint {

/// What threads that play ranks share.
class Meeting {
 public:
  explicit Meeting(int size) : texts_(static_cast<size_t>(size)) {}

 private:
  friend class ThreadRank;

  /// Returns once all have arrived. A lock and a condition: the race detector follows these.
  void wait_for_all() {
    std::unique_lock lock(mutex_);
    const int64_t round = round_;
    if (++arrived_ == texts_.size()) {
      arrived_ = 0;
      ++round_;
      all_here_.notify_all();
    }
    all_here_.wait(lock, [&] { return round_ != round; });
  }

  std::vector<std::string> texts_;
  std::mutex mutex_;
  std::condition_variable all_here_;
  size_t arrived_ = 0;
  int64_t round_ = 0;
};

/// A rank that is a thread. `after_broadcast` runs on it after its nth broadcast, n counted from 1.
class ThreadRank : public Agreement {
 public:
  ThreadRank(Meeting& meeting, int rank) : meeting_(meeting), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(meeting_.texts_.size()); }
  std::vector<std::string> gather(const std::string& mine) override {
    meeting_.texts_[static_cast<size_t>(rank_)] = mine;
    meeting_.wait_for_all();
    std::vector<std::string> all;
    if (rank_ == 0) all = meeting_.texts_;
    meeting_.wait_for_all();
    return all;
  }
  std::string broadcast(const std::string& from_first) override {
    if (rank_ == 0) meeting_.texts_[0] = from_first;
    meeting_.wait_for_all();
    std::string text = meeting_.texts_[0];
    meeting_.wait_for_all();
    if (after_broadcast) after_broadcast(++broadcasts_);
    return text;
  }

  std::function<void(int)> after_broadcast;

 private:
  Meeting& meeting_;
  int rank_;
  int broadcasts_ = 0;
};

/// Runs `body` on `size` threads as ranks and returns what each threw, or nullptr.
inline std::vector<std::exception_ptr> run_ranks(int size, const std::function<void(ThreadRank&)>& body) {
  Meeting meeting(size);
  std::vector<std::exception_ptr> thrown(static_cast<size_t>(size));
  {
    std::vector<std::jthread> threads;
    for (int rank = 0; rank < size; ++rank)
      threads.emplace_back([&, rank] {
        ThreadRank self(meeting, rank);
        try {
          body(self);
        } catch (...) {
          thrown[static_cast<size_t>(rank)] = std::current_exception();
        }
      });
  }
  return thrown;
}

/// Returns the message of what was thrown, "" for nothing.
inline std::string message_of(const std::exception_ptr& thrown) {
  if (!thrown) return "";
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace tandem::checkpoint
