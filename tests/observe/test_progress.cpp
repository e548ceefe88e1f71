// SPDX-License-Identifier: Apache-2.0
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "screen.h"
#include "tandem/observe/progress.h"
#include "tandem/observe/progress_line.h"

namespace tandem::observe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;

class HandClock {
 public:
  std::chrono::steady_clock::time_point now{};
  Progress::Clock clock() {
    return [this] { return now; };
  }
};

const ProgressOptions kTrain = {.label = "train", .total = 400};
const ProgressState kState = {.done = 100, .loss = 5.25, .tokens_per_second = 12345, .gemm_share = 0.612};

std::string bar_line(TerminalStyle style, int width) {
  Screen screen(style, width);
  const Terminal terminal(screen.options());
  return format_bar_line(kTrain, kState, seconds(754), terminal);
}

TEST(ProgressLine, ShowsEverythingWhereThereIsRoom) {
  EXPECT_EQ(bar_line(TerminalStyle::kAscii, 123),
            "train 100/400  [==========>                             ]   25%  loss 5.2500  12.3k tokens/s  "
            "61% of GEMM peak  12:34 left");
  EXPECT_EQ(bar_line(TerminalStyle::kUnicode, 91),
            "train 100/400  ━━╸───────   25%  loss 5.2500  12.3k tokens/s  61% of GEMM peak  12:34 left");
}

TEST(ProgressLine, DropsTheLeastImportantFirstAsTheTerminalNarrows) {
  EXPECT_EQ(bar_line(TerminalStyle::kAscii, 80),
            "train 100/400  [===>           ]   25%  loss 5.2500  12.3k tokens/s  12:34 left");
  EXPECT_EQ(bar_line(TerminalStyle::kAscii, 65),
            "train 100/400   25%  loss 5.2500  12.3k tokens/s  12:34 left");
  EXPECT_EQ(bar_line(TerminalStyle::kAscii, 48), "train 100/400   25%  loss 5.2500  12:34 left");
  EXPECT_EQ(bar_line(TerminalStyle::kAscii, 34), "train 100/400   25%  loss 5.2500");
  EXPECT_EQ(bar_line(TerminalStyle::kAscii, 28), "train 100/400  loss 5.2500");
}

TEST(ProgressLine, NeverExceedsTheWidthUntilOnlyTheCoreIsLeft) {
  for (int width = 28; width < 200; ++width)
    for (const auto style : {TerminalStyle::kAscii, TerminalStyle::kUnicode}) {
      const std::string line = bar_line(style, width);
      EXPECT_EQ(cut_to_columns(line, width - 1), line) << width;
    }
}

TEST(ProgressLine, LeavesOutWhatIsUnknown) {
  EXPECT_EQ(format_plain_line({.label = "encode", .unit = "documents"}, {.done = 7}, std::nullopt),
            "encode 7 documents");
  EXPECT_EQ(format_plain_line(kTrain, kState, seconds(5)),
            "train 100/400 (25%), loss 5.2500, 12.3k tokens/s, 61% of GEMM peak, 0:05 left");
}

TEST(ProgressLine, FormatsDurationsAndRates) {
  EXPECT_EQ(format_duration(seconds(0)), "0:00");
  EXPECT_EQ(format_duration(milliseconds(59600)), "1:00");
  EXPECT_EQ(format_duration(seconds(3723)), "1:02:03");
  EXPECT_EQ(format_duration(seconds(2 * 86400 + 3723)), "2d 01:02:03");
  EXPECT_EQ(format_duration(seconds(-5)), "0:00");
  EXPECT_EQ(format_rate(0), "0");
  EXPECT_EQ(format_rate(999.4), "999");
  EXPECT_EQ(format_rate(999.6), "1.00k");
  EXPECT_EQ(format_rate(9996), "10.0k");
  EXPECT_EQ(format_rate(99960), "100k");
  EXPECT_EQ(format_rate(4.56e6), "4.56M");
}

TEST(RateMeter, FollowsTheLastMinuteNotTheWholeRun) {
  std::chrono::steady_clock::time_point now{};
  RateMeter meter(now, 10);
  EXPECT_EQ(meter.per_second(), std::nullopt);
  int64_t done = 10;
  for (int i = 0; i < 600; ++i) meter.add(now += milliseconds(500), done += 5);
  EXPECT_NEAR(*meter.per_second(), 10, 1e-9);
  for (int i = 0; i < 130; ++i) meter.add(now += milliseconds(500), done += 1);
  EXPECT_NEAR(*meter.per_second(), 2, 1e-9);
}

TEST(Progress, RedrawsAtMostOncePerInterval) {
  Screen screen(TerminalStyle::kAscii);
  Terminal terminal(screen.options());
  HandClock hand;
  Progress progress(terminal, kTrain, hand.clock());
  for (int step = 1; step <= 100; ++step) {
    hand.now += milliseconds(10);
    progress.update({.done = step, .loss = 6.0});
  }
  EXPECT_EQ(screen.writes(), 10);
  EXPECT_THAT(screen.lines(),
              ElementsAre("train 91/400  [=======>                         ]   22%  loss 6.0000  "
                          "0:03 left"));
}

TEST(Progress, PrintsPlainLinesByTime) {
  Screen screen(TerminalStyle::kPlain);
  Terminal terminal(screen.options());
  HandClock hand;
  Progress progress(terminal, {.label = "train", .total = 100, .plain_every = seconds(10)}, hand.clock());
  for (int step = 1; step <= 21; ++step) {
    hand.now += seconds(1);
    progress.update({.done = step});
  }
  progress.finish();
  EXPECT_THAT(screen.lines(),
              ElementsAre("train 1/100 (1%), 1:39 left", "train 11/100 (11%), 1:29 left",
                          "train 21/100 (21%), 1:19 left", "train 21/100 (21%), took 0:21", ""));
}

TEST(Progress, PrintsPlainLinesByCount) {
  Screen screen(TerminalStyle::kPlain);
  Terminal terminal(screen.options());
  HandClock hand;
  Progress progress(terminal, {.label = "train", .start = 50, .plain_every_done = 20}, hand.clock());
  for (int step = 51; step <= 100; ++step) progress.update({.done = step});
  progress.finish();
  EXPECT_THAT(screen.lines(), ElementsAre("train 51", "train 71", "train 91", "train 100, took 0:00", ""));
}

TEST(Progress, LeavesItsLastStateAsALineAndShowsNothingAfterIt) {
  Screen screen(TerminalStyle::kUnicode);
  Terminal terminal(screen.options());
  HandClock hand;
  Progress progress(terminal, kTrain, hand.clock());
  hand.now += seconds(61);
  progress.update({.done = 399, .loss = 2.0});
  progress.update({.done = 400, .loss = 1.5});
  progress.finish();
  progress.update({.done = 401});
  EXPECT_THAT(screen.lines(), ElementsAre("train 400/400 (100%), loss 1.5000, took 1:01", ""));
}

TEST(Progress, ShowsNothingIfNothingWasReported) {
  Screen screen(TerminalStyle::kAscii);
  Terminal terminal(screen.options());
  { const Progress progress(terminal, kTrain); }
  EXPECT_EQ(screen.writes(), 0);
}

TEST(Progress, CountsTheTimeLeftFromWhereAResumeStarted) {
  Screen screen(TerminalStyle::kPlain);
  Terminal terminal(screen.options());
  HandClock hand;
  Progress progress(terminal, {.label = "train", .total = 1000, .start = 900}, hand.clock());
  hand.now += seconds(10);
  progress.update({.done = 910});
  EXPECT_EQ(screen.lines()[0], "train 910/1000 (91%), 1:30 left");
}

TEST(Progress, TakesUpdatesFromSeveralThreads) {
  Screen screen(TerminalStyle::kAscii);
  Terminal terminal(screen.options());
  Progress progress(terminal, {.label = "work", .total = 300, .redraw_every = milliseconds(0)});
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&progress, t] {
        for (int i = 1; i <= 100; ++i) progress.update({.done = t * 100 + i});
      });
  }
  progress.update({.done = 300});
  progress.finish();
  ASSERT_EQ(screen.lines().size(), 2u);
  EXPECT_THAT(screen.lines()[0], testing::StartsWith("work 300/300 (100%)"));
}

}  // namespace
}  // namespace tandem::observe
