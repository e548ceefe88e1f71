// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/launch/line_splitter.h"

namespace tandem::launch {
namespace {

using testing::ElementsAre;

/// Feeds `text` in pieces of `size` bytes and returns the lines, the unfinished one too.
std::vector<std::string> lines_of(std::string_view text, size_t size) {
  std::vector<std::string> lines;
  LineSplitter splitter;
  const auto sink = [&](std::string_view line) { lines.emplace_back(line); };
  for (size_t i = 0; i < text.size(); i += size) splitter.feed(text.substr(i, size), sink);
  splitter.finish(sink);
  return lines;
}

TEST(LineSplitter, LinesAreTheSameHoweverTheBytesArrive) {
  for (size_t size : {1, 2, 3, 1000}) {
    EXPECT_THAT(lines_of("a\n\nbc\r\nd", size), ElementsAre("a", "", "bc", "d")) << size;
    EXPECT_THAT(lines_of("\r10%\r20%\r100%\ndone\n", size), ElementsAre("100%", "done")) << size;
    EXPECT_THAT(lines_of("10%\r20%\r\nx", size), ElementsAre("20%", "x")) << size;
  }
}

TEST(LineSplitter, RedrawnLineIsToldFromAPlainOne) {
  LineSplitter splitter;
  const auto ignore = [](std::string_view) {};
  splitter.feed("plain", ignore);
  EXPECT_FALSE(splitter.redrawn());
  splitter.feed("\n\rbar", ignore);
  EXPECT_TRUE(splitter.redrawn());
  EXPECT_EQ(splitter.unfinished(), "bar");
  splitter.feed("\nbar\r", ignore);
  EXPECT_TRUE(splitter.redrawn());
  splitter.feed("\nbar\x1b[K", ignore);
  EXPECT_TRUE(splitter.redrawn());
  splitter.feed("\nplain", ignore);
  EXPECT_FALSE(splitter.redrawn());
}

TEST(LineSplitter, EndlessLineComesInPiecesOfWholeCharacters) {
  std::string text;
  while (text.size() < 3 * LineSplitter::kLongestLine) text += "中";
  const std::vector<std::string> lines = lines_of(text, 1000);
  std::string joined;
  for (const std::string& line : lines) {
    EXPECT_LE(line.size(), LineSplitter::kLongestLine);
    EXPECT_EQ(line.size() % 3, 0u);
    joined += line;
  }
  EXPECT_GE(lines.size(), 3u);
  EXPECT_EQ(joined, text);
}

}  // namespace
}  // namespace tandem::launch
