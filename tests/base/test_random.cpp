// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "tandem/base/random.h"

namespace tandem {
namespace {

using Words = std::array<uint32_t, 4>;

// Known answers published with Random123 (tests/kat_vectors, philox4x32 10).
TEST(Philox, EqualsThePublishedVectors) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(CounterRandom, DependsOnEveryPartAndTheirOrder) {
  std::set<uint64_t> keys;
  for (uint64_t a = 0; a < 50; ++a)
    for (uint64_t b = 0; b < 50; ++b) keys.insert(CounterRandom(7, "mask", a, b).key());
  EXPECT_EQ(keys.size(), 2500u);
  EXPECT_NE(CounterRandom(7, "mask").key(), CounterRandom(7, "dropout").key());
  EXPECT_NE(CounterRandom(7, "mask").key(), CounterRandom(8, "mask").key());
  EXPECT_EQ(CounterRandom(7, "mask", 3).key(), CounterRandom(7, "mask").split(3).key());
}

TEST(CounterRandom, NormalHasMeanZeroAndVarianceOne) {
  const CounterRandom random(1, "normal");
  const int n = 200000;
  double sum = 0, square = 0, fourth = 0;
  for (int i = 0; i < n; ++i) {
    const double x = random.normal(i);
    ASSERT_TRUE(std::isfinite(x));
    sum += x, square += x * x, fourth += x * x * x * x;
  }
  EXPECT_NEAR(sum / n, 0.0, 0.01);
  EXPECT_NEAR(square / n, 1.0, 0.02);
  EXPECT_NEAR(fourth / n, 3.0, 0.1);
}

TEST(CounterRandom, BelowCoversItsRangeEvenly) {
  const CounterRandom random(2, "below");
  std::vector<int> count(7);
  for (int i = 0; i < 70000; ++i) ++count[random.below(i, 7)];
  for (const int c : count) EXPECT_NEAR(c, 10000, 400);
}

TEST(Permutation, VisitsEachElementOnce) {
  for (const uint64_t size : {1u, 2u, 3u, 4u, 5u, 16u, 17u, 1000u, 4097u}) {
    const Permutation permutation(CounterRandom(3, "order", size), size);
    std::set<uint64_t> seen;
    for (uint64_t i = 0; i < size; ++i) seen.insert(permutation(i));
    EXPECT_EQ(seen.size(), size);
    EXPECT_LT(*seen.rbegin(), size);
  }
}

TEST(Permutation, ChangesWithItsKeyAndLooksShuffled) {
  const uint64_t size = 10000;
  const Permutation a(CounterRandom(1, "order"), size), b(CounterRandom(2, "order"), size);
  int equal = 0, ascending = 0;
  for (uint64_t i = 0; i < size; ++i) {
    equal += a(i) == b(i);
    if (i > 0) ascending += a(i) > a(i - 1);
  }
  EXPECT_LT(equal, 10);
  EXPECT_NEAR(ascending, 5000, 200);
}

}  // namespace
}  // namespace tandem
