// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/comm/lost_peer.h"
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

// What `action` throws, and what is thrown again for it.
Failure failure_of(const std::function<void()>& action) {
  const std::optional<Failure> first = attempt(action), again = attempt([&] { raise(*first); });
  EXPECT_EQ(first->kind, again->kind);
  EXPECT_EQ(first->message, again->message);
  EXPECT_EQ(first->may_be_whole, again->may_be_whole);
  EXPECT_EQ(first->is_lost_peer, again->is_lost_peer);
  return *first;
}

TEST(Failure, OfAPeerOrOfLookingIsNoDamage) {
  EXPECT_TRUE(failure_of([] { throw EnvironmentError("bytes 0 to 7 are damaged"); }).is_damage());
  const Failure unseen = failure_of([] { throw UnreadableError("cannot open it"); });
  EXPECT_FALSE(unseen.is_damage() || unseen.is_lost_peer);
  const Failure lost = failure_of([] { throw comm::LostPeerError("group world failed"); });
  EXPECT_TRUE(lost.is_lost_peer);
  EXPECT_FALSE(lost.is_damage());
  EXPECT_FALSE(failure_of([] { throw InputError("of another run"); }).is_damage());
  EXPECT_FALSE(failure_of([] { throw BugError("a broken invariant"); }).is_damage());
}

TEST(DamageFound, IsReturnedAndWhatElseIsThrownComesThrough) {
  EXPECT_EQ(damage_found([] {}), std::nullopt);
  EXPECT_EQ(damage_found([] { throw EnvironmentError("damaged"); })->message, "damaged");
  EXPECT_THROW(damage_found([] { throw UnreadableError("cannot open it"); }), UnreadableError);
  EXPECT_THROW(damage_found([] { throw comm::LostPeerError("gone"); }), comm::LostPeerError);
  EXPECT_THROW(damage_found([] { throw InputError("of another run"); }), InputError);
}

}  // namespace
}  // namespace tandem::checkpoint
