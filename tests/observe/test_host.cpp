// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include <gtest/gtest.h>
#include <sched.h>

#include "tandem/observe/host.h"

namespace tandem::observe {
namespace {

TEST(Host, PeakMemoryGrowsWithWhatIsTouchedAndStays) {
  const int64_t before = peak_resident_bytes();
  EXPECT_GT(before, 1 << 20);
  {
    std::vector<char> block(64 << 20);
    for (size_t i = 0; i < block.size(); i += 4096) block[i] = 1;
    EXPECT_GE(resident_bytes(), 64 << 20);
    ASSERT_EQ(block[4096], 1);
  }
  EXPECT_GE(peak_resident_bytes(), 64 << 20);
  EXPECT_GE(peak_resident_bytes(), resident_bytes());
}

TEST(Host, CountsTheCoresOfTheAffinityMask) {
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  EXPECT_EQ(usable_cores(), CPU_COUNT(&before));
  int core = 0;
  while (!CPU_ISSET(core, &before)) ++core;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(usable_cores(), 1);
  ASSERT_EQ(::sched_setaffinity(0, sizeof before, &before), 0);
}

TEST(Host, HasNames) {
  EXPECT_FALSE(processor_name().empty());
  EXPECT_FALSE(host_name().empty());
  EXPECT_EQ(host_name().find('.'), std::string::npos);
}

}  // namespace
}  // namespace tandem::observe
