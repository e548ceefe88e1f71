// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tandem/base/paths.h"

namespace tandem {
namespace {

namespace fs = std::filesystem;

TEST(Paths, APlainPathIsTheSameHoweverItWasSpelt) {
  for (const char* spelt : {"/a/b", "/a/b/", "/a/./b", "/a/c/../b", "/a/b/."})
    EXPECT_EQ(plain_path(spelt), "/a/b") << spelt;
  EXPECT_EQ(plain_path("b/"), fs::current_path() / "b");
  EXPECT_EQ(plain_path("/"), "/");
}

TEST(Paths, OnePlaceHasManyPathsAndNoPlaceNone) {
  EXPECT_TRUE(is_same_place("/", "/./"));
  EXPECT_FALSE(is_same_place("/", "/proc"));
  EXPECT_FALSE(is_same_place("/", "/is_not_there"));
  EXPECT_FALSE(is_same_place("/is_not_there", "/is_not_there"));
}

}  // namespace
}  // namespace tandem
