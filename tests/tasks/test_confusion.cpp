// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <gtest/gtest.h>

#include "tandem/tasks/confusion.h"

namespace tandem::tasks {
namespace {

// By hand: class 0 three times right, once answered 1; class 1 once right, once answered 0; class 2 never
// there, answered once for class 1; class 3 neither there nor answered.
Confusion example() {
  Confusion confusion(4);
  for (int i = 0; i < 3; ++i) confusion.add(0, 0);
  confusion.add(0, 1);
  confusion.add(1, 1);
  confusion.add(1, 0);
  confusion.add(1, 2);
  return confusion;
}

TEST(Confusion, CountsWhatIsRight) {
  const Confusion confusion = example();
  EXPECT_EQ(confusion.samples(), 7);
  EXPECT_EQ(confusion.count(1, 2), 1);
  EXPECT_DOUBLE_EQ(confusion.accuracy(), 4.0 / 7);
  EXPECT_DOUBLE_EQ(confusion.majority(), 4.0 / 7);
  EXPECT_DOUBLE_EQ(confusion.standard_error(), std::sqrt(4.0 / 7 * (3.0 / 7) / 7));
}

TEST(Confusion, MacroF1IsTheMeanOverClassesThatOccur) {
  // F1 = 2 right / (labelled + answered): 6/8, 2/5, 0/1; class 3 does not count.
  EXPECT_DOUBLE_EQ(example().macro_f1(), (6.0 / 8 + 2.0 / 5 + 0) / 3);
}

TEST(Confusion, WithoutSamplesAllIsZero) {
  const Confusion none(3);
  EXPECT_EQ(none.accuracy(), 0);
  EXPECT_EQ(none.standard_error(), 0);
  EXPECT_EQ(none.macro_f1(), 0);
  EXPECT_EQ(none.majority(), 0);
}

}  // namespace
}  // namespace tandem::tasks
