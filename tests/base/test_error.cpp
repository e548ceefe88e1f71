// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"

namespace tandem {
namespace {

TEST(Error, KindsHaveTheirExitCodes) {
  EXPECT_EQ(InputError("a {}", 1).exit_code(), 2);
  EXPECT_EQ(EnvironmentError("b").exit_code(), 3);
  EXPECT_EQ(BugError("c").exit_code(), 70);
}

TEST(Error, FailedCheckNamesPlaceConditionAndMessageInOneLine) {
  try {
    TANDEM_CHECK(1 > 2, "value {}", 5);
    FAIL();
  } catch (const BugError& error) {
    EXPECT_THAT(
        error.what(),
        testing::MatchesRegex(".*test_error.cpp:[0-9]+: 1 > 2 does not hold: value 5; please report this"));
  }
}

}  // namespace
}  // namespace tandem
