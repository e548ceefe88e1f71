// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/schedule/schedule.h"

namespace tandem::schedule {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Schedule, EveryShapeIsFaultlessAndKeepsItsMemoryBound) {
  for (int p = 1; p <= 8; ++p)
    for (int m = 1; m <= 20; ++m) {
      const Program one = make_1f1b({.num_stages = p, .num_micro_batches = m});
      const Program all = make_gpipe({.num_stages = p, .num_micro_batches = m});
      EXPECT_THAT(find_faults(one, m), IsEmpty()) << p << " " << m;
      EXPECT_THAT(find_faults(all, m), IsEmpty()) << p << " " << m;
      for (int stage = 0; stage < p; ++stage) {
        EXPECT_EQ(peak_in_flight(one[stage]), std::min(m, p - stage));
        EXPECT_EQ(peak_in_flight(all[stage]), m);
      }
    }
}

TEST(Schedule, OneForwardOneBackwardIsDrawn) {
  EXPECT_EQ(draw(make_1f1b({.num_stages = 2, .num_micro_batches = 2})),
            "  0: F0 F0> F1 F1> <B0 B0 <B1 B1\n"
            "  1: <F0 F0 B0 B0> <F1 F1 B1 B1>\n");
}

TEST(Schedule, ForwardOnlyHasNoBackward) {
  EXPECT_EQ(draw(make_forward_only({.num_stages = 2, .num_micro_batches = 1})), "  0: F0 F0>\n  1: <F0 F0\n");
}

TEST(Schedule, FaultsAreFound) {
  const Program good = make_1f1b({.num_stages = 3, .num_micro_batches = 4});
  Program lost = good;
  lost[1].erase(std::find(lost[1].begin(), lost[1].end(), Action{Action::Kind::kBackward, 2}));
  EXPECT_THAT(find_faults(lost, 4), Contains(HasSubstr("stage 1: B2 occurs 0 times")));

  Program swapped = good;
  std::swap(*std::find(swapped[0].begin(), swapped[0].end(), Action{Action::Kind::kSendForward, 0}),
            *std::find(swapped[0].begin(), swapped[0].end(), Action{Action::Kind::kSendForward, 1}));
  EXPECT_THAT(find_faults(swapped, 4), Contains(HasSubstr("disagree on the forward transfers")));

  // Both stages wait for the other first.
  Program waiting = good;
  const auto receive =
      std::find(waiting[0].begin(), waiting[0].end(), Action{Action::Kind::kReceiveBackward, 0});
  waiting[0].erase(receive);
  waiting[0].insert(waiting[0].begin(), Action{Action::Kind::kReceiveBackward, 0});
  EXPECT_THAT(find_faults(waiting, 4), Contains(HasSubstr("stage 0 waits for ever at <B0")));
}

}  // namespace
}  // namespace tandem::schedule
