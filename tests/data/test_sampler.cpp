// SPDX-License-Identifier: Apache-2.0
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/data/sampler.h"

namespace tandem::data {
namespace {

TEST(Sampler, EachEpochVisitsEachElementOnceInAnOrderOfItsOwn) {
  const Sampler sampler({{.elements = 101}}, 7);
  std::vector<std::vector<uint64_t>> orders;
  for (uint64_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<uint64_t> order;
    for (uint64_t i = 0; i < 101; ++i) {
      const Position at = sampler(epoch * 101 + i);
      EXPECT_EQ(at.epoch, epoch);
      order.push_back(at.element);
    }
    EXPECT_EQ(std::set<uint64_t>(order.begin(), order.end()).size(), 101u);
    orders.push_back(order);
  }
  EXPECT_NE(orders[0], orders[1]);
  EXPECT_NE(orders[1], orders[2]);
}

TEST(Sampler, SmallSourcesRepeatWhileLargeOnesGoOn) {
  const Sampler sampler({{.elements = 10, .weight = 1}, {.elements = 1000, .weight = 1}}, 7);
  std::vector<std::multiset<uint64_t>> seen(2);
  for (uint64_t row = 0; row < 200; ++row) {
    const Position at = sampler(row);
    seen[at.source].insert(at.element);
    EXPECT_EQ(at.epoch, at.source == 0 ? row / 20 : 0);
  }
  for (uint64_t element = 0; element < 10; ++element) EXPECT_EQ(seen[0].count(element), 10u);
  EXPECT_EQ(std::set<uint64_t>(seen[1].begin(), seen[1].end()).size(), 100u);
}

TEST(Sampler, OrderDependsOnSeedAndSourceOnly) {
  const std::vector<SampledSource> sources = {{.elements = 50, .weight = 2}, {.elements = 50, .weight = 1}};
  const Sampler a(sources, 1), again(sources, 1), other(sources, 2);
  int equal = 0;
  for (uint64_t row = 0; row < 300; ++row) {
    EXPECT_EQ(a(row), again(row));
    equal += a(row) == other(row);
  }
  EXPECT_LT(equal, 30);
}

// What a run that is stopped, resumed and resized reads is what an undisturbed one reads: rows are asked by
// number.
TEST(Sampler, AnySplitOverRanksReadsTheSameRows) {
  const Sampler sampler({{.elements = 37, .weight = 3}, {.elements = 11, .weight = 1}}, 5);
  std::vector<Position> undisturbed;
  for (uint64_t row = 0; row < 96; ++row) undisturbed.push_back(sampler(row));
  std::vector<Position> resized(96);
  const auto read = [&](uint64_t begin, uint64_t end, uint64_t ranks) {
    std::vector<std::thread> threads;
    const uint64_t share = (end - begin) / ranks;
    for (uint64_t rank = 0; rank < ranks; ++rank)
      threads.emplace_back([&, rank] {
        for (uint64_t i = 0; i < share; ++i)
          resized[begin + rank * share + i] = sampler(begin + rank * share + i);
      });
    for (std::thread& thread : threads) thread.join();
  };
  read(0, 48, 4), read(48, 72, 2), read(72, 96, 3);
  EXPECT_EQ(resized, undisturbed);
}

// Held down so that a change of the order, which would change every run, is seen.
TEST(Sampler, OrderIsFrozen) {
  const Sampler sampler({{.elements = 1000}}, 1);
  std::vector<uint64_t> elements;
  for (uint64_t row = 0; row < 5; ++row) elements.push_back(sampler(row).element);
  EXPECT_EQ(elements, (std::vector<uint64_t>{988, 971, 30, 980, 509}));
}

TEST(Sampler, EmptySourcesAreRefused) {
  EXPECT_THROW(Sampler({{.elements = 0}}, 1), InputError);
  EXPECT_THROW(Sampler({{.elements = 1, .weight = 0}}, 1), InputError);
}

}  // namespace
}  // namespace tandem::data
