// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/base/thread_team.h"

namespace tandem {
namespace {

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(ThreadTeam, EachThreadHasItsNumber) {
  std::atomic<int> calls[4] = {};
  run_on_threads(4, [&](size_t thread) { ++calls[thread]; });
  for (const auto& count : calls) EXPECT_EQ(count, 1);
}

TEST(ThreadTeam, WhatAThreadThrowsReachesTheCallerAfterAllHaveEnded) {
  for (const size_t bad : {0u, 1u, 3u}) {
    std::atomic<int> ended = 0;
    const auto work = [&](size_t thread) {
      if (thread == bad) throw InputError("thread {}", thread);
      ++ended;
    };
    EXPECT_EQ(message_of([&] { run_on_threads(4, work); }), "thread " + std::to_string(bad));
    EXPECT_EQ(ended, 3);
  }
}

TEST(ThreadTeam, OfSeveralFailuresTheLowestIsTold) {
  const auto work = [](size_t thread) {
    if (thread > 0) throw InputError("thread {}", thread);
  };
  EXPECT_EQ(message_of([&] { run_on_threads(4, work); }), "thread 1");
}

}  // namespace
}  // namespace tandem
