// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/comm/store_channel.h"

namespace tandem::comm {
namespace {

using Texts = std::vector<std::string>;

/// A store whose deadline is over at once.
class ImpatientKeys final : public Keys {
 public:
  void set(const std::string& key, const std::string& text) override { texts[key] = text; }
  std::string get(const std::string& key) override {
    if (!texts.contains(key)) throw EnvironmentError("nobody has said {}", key);
    return texts.at(key);
  }
  void remove(const std::string& key) override { texts.erase(key); }

  std::map<std::string, std::string> texts;
};

/// Three ranks in one thread: who is to speak before another is called before it.
class ThreeRanks : public ::testing::Test {
 protected:
  void begin_exchange() {
    for (StoreChannel* rank : {&first_, &second_, &third_}) rank->begin_exchange();
  }
  void expect_broadcast(const std::string& text) {
    EXPECT_EQ(first_.broadcast(text), text);
    EXPECT_EQ(second_.broadcast(""), text);
    EXPECT_EQ(third_.broadcast(""), text);
  }
  void expect_gathered(const std::string& text) {
    EXPECT_EQ(second_.gather(text + "1"), Texts());
    EXPECT_EQ(third_.gather(text + "2"), Texts());
    EXPECT_EQ(first_.gather(text + "0"), (Texts{text + "0", text + "1", text + "2"}));
  }
  /// The third rank is slow: nobody waits for it, and then it waits for the first in vain.
  void fail_exchange() {
    expect_broadcast("prepare");
    second_.gather("old1");
    EXPECT_THROW(first_.gather("old0"), EnvironmentError);
    EXPECT_THROW(second_.broadcast(""), EnvironmentError);
    third_.gather("old2");
    EXPECT_THROW(third_.broadcast(""), EnvironmentError);
  }

  std::shared_ptr<ImpatientKeys> keys_ = std::make_shared<ImpatientKeys>();
  StoreChannel first_{keys_, 0, 3}, second_{keys_, 1, 3}, third_{keys_, 2, 3};
};

TEST_F(ThreeRanks, AnExchangeThatFailedShiftsNothing) {
  fail_exchange();
  begin_exchange();
  expect_broadcast("prepare again");
  expect_gathered("new");
  expect_broadcast("published");
}

TEST_F(ThreeRanks, WhatIsLeftOfAnExchangeIsNotReadInTheNext) {
  fail_exchange();
  begin_exchange();
  expect_broadcast("prepare again");
  second_.gather("new1");
  EXPECT_THROW(first_.gather("new0"), EnvironmentError);
}

TEST_F(ThreeRanks, ARankMayBeginTheNextExchangeWhileAnotherIsStillInTheLast) {
  expect_broadcast("prepare");
  second_.gather("old1");
  EXPECT_THROW(first_.gather("old0"), EnvironmentError);
  first_.begin_exchange();
  first_.broadcast("prepare again");
  third_.gather("old2");
  EXPECT_THROW(third_.broadcast(""), EnvironmentError);
  for (StoreChannel* rank : {&second_, &third_}) {
    rank->begin_exchange();
    EXPECT_EQ(rank->broadcast(""), "prepare again");
  }
  expect_gathered("new");
}

TEST_F(ThreeRanks, KeysAreRemovedAlsoThoseOfExchangesThatFailed) {
  for (int time = 0; time < 3; ++time) {
    fail_exchange();
    begin_exchange();
    expect_gathered("x");
    expect_broadcast("the last word stays");
    begin_exchange();
    EXPECT_THAT(keys_->texts, ::testing::SizeIs(1));
  }
}

TEST_F(ThreeRanks, KeysOfExchangesThatWentWellAreRemoved) {
  for (int time = 0; time < 3; ++time) {
    expect_gathered("x");
    expect_broadcast("the last word stays");
    EXPECT_THAT(keys_->texts, ::testing::SizeIs(1));
    begin_exchange();
  }
}

}  // namespace
}  // namespace tandem::comm
