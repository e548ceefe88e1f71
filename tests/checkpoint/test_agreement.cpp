// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <functional>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "thread_ranks.h"

namespace tandem::checkpoint {
namespace {

TEST(OnFirstRank, GivesTheTextOfRankZeroToAllAndRunsNowhereElse) {
  std::atomic<int> runs = 0;
  const std::string text("any \xff bytes\0, none lost", 23);
  const auto thrown = run_ranks(3, [&](ThreadRank& rank) {
    for (const std::string& sent : {text, std::string()})
      EXPECT_EQ(on_first_rank(rank, [&] { return ++runs, sent; }), sent);
  });
  for (const auto& each : thrown) EXPECT_EQ(message_of(each), "");
  EXPECT_EQ(runs, 2);
}

template <typename Kind>
void expect_on_all(const std::function<void()>& action) {
  const auto thrown =
      run_ranks(3, [&](ThreadRank& rank) { on_first_rank(rank, [&] { return action(), std::string(); }); });
  for (const auto& each : thrown) EXPECT_THROW(std::rethrow_exception(each), Kind) << message_of(each);
  for (const auto& each : thrown) EXPECT_EQ(message_of(each), "what and where");
}

TEST(OnFirstRank, AnErrorThereIsTheSameErrorEverywhere) {
  expect_on_all<InputError>([] { throw InputError("what and where"); });
  expect_on_all<EnvironmentError>([] { throw EnvironmentError("what and where"); });
  expect_on_all<BugError>([] { throw BugError("what and where"); });
  expect_on_all<BugError>([] { throw std::runtime_error("what and where"); });
}

TEST(Agreement, TheFirstFailingRankSpeaksForAll) {
  const auto thrown = run_ranks(4, [](ThreadRank& rank) {
    on_every_rank(rank, [&] {
      if (rank.rank() == 2) throw InputError("two");
      if (rank.rank() == 3) throw EnvironmentError("three");
    });
  });
  for (const auto& exception : thrown) {
    EXPECT_EQ(message_of(exception), "rank 2: two");
    EXPECT_THROW(std::rethrow_exception(exception), InputError);
  }
  OneRank alone;
  EXPECT_NO_THROW(on_every_rank(alone, [] {}));
  EXPECT_THROW(on_every_rank(alone, [] { throw EnvironmentError("one"); }), EnvironmentError);
}

}  // namespace
}  // namespace tandem::checkpoint
