// SPDX-License-Identifier: Apache-2.0
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "screen.h"
#include "tandem/observe/terminal.h"

namespace tandem::observe {
namespace {

using testing::ElementsAre;

TEST(Terminal, PrintsLinesAboveTheStatusLine) {
  Screen screen(TerminalStyle::kAscii);
  Terminal terminal(screen.options());
  terminal.show_status("status 1, the longer one");
  terminal.print("a line");
  terminal.show_status("status 2");
  terminal.print("another line");
  EXPECT_THAT(screen.lines(), ElementsAre("a line", "another line", "status 2"));
}

TEST(Terminal, SendsEachChangeInOnePieceAndNoChangeNotAtAll) {
  Screen screen(TerminalStyle::kAscii);
  Terminal terminal(screen.options());
  terminal.show_status("status");
  terminal.show_status("status");
  EXPECT_EQ(screen.writes(), 1);
  terminal.print("a line");
  EXPECT_EQ(screen.writes(), 2);
}

TEST(Terminal, TakesTheStatusAwayAtItsEnd) {
  Screen screen(TerminalStyle::kAscii);
  {
    Terminal terminal(screen.options());
    terminal.print("a line");
    terminal.show_status("status");
  }
  EXPECT_THAT(screen.lines(), ElementsAre("a line", ""));
}

TEST(Terminal, PlainOneNeverGetsAStatusOrAControlByte) {
  std::string bytes;
  Terminal terminal({.write = [&](std::string_view piece) { bytes += piece; }, .columns = [] { return 80; }});
  terminal.show_status("status");
  terminal.print("a line");
  terminal.clear_status();
  EXPECT_EQ(bytes, "a line\n");
}

TEST(Terminal, CutsTheStatusOneCellBeforeTheEdge) {
  Screen screen(TerminalStyle::kAscii, 10);
  Terminal terminal(screen.options());
  terminal.show_status("0123456789");
  EXPECT_THAT(screen.lines(), ElementsAre("012345678"));
  screen.resize(5);
  terminal.show_status("0123456789");
  EXPECT_THAT(screen.lines(), ElementsAre("0123"));
}

TEST(Terminal, CutsBetweenCharactersOnly) {
  EXPECT_EQ(cut_to_columns("━━━", 2), "━━");
  EXPECT_EQ(cut_to_columns("━━━", 3), "━━━");
  EXPECT_EQ(cut_to_columns("abc", 0), "");
}

TEST(Terminal, KeepsLinesOfManyThreadsWhole) {
  Screen screen(TerminalStyle::kAscii);
  Terminal terminal(screen.options());
  {
    std::vector<std::jthread> threads;
    for (const char* text : {"aaaaaaaa", "bbbbbbbbbbbb", "cccc"})
      threads.emplace_back([&terminal, text] {
        for (int i = 0; i < 200; ++i) {
          terminal.show_status(text + std::to_string(i));
          terminal.print(text);
        }
      });
  }
  ASSERT_EQ(screen.lines().size(), 601u);
  for (size_t i = 0; i < 600; ++i)
    EXPECT_THAT(screen.lines()[i], testing::AnyOf("aaaaaaaa", "bbbbbbbbbbbb", "cccc"));
}

}  // namespace
}  // namespace tandem::observe
