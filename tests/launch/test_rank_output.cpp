// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tandem/base/error.h"
#include "tandem/launch/log_file.h"
#include "tandem/launch/rank_output.h"
#include "tests/launch/launcher.h"

namespace tandem::launch {
namespace {

/// A console whose two streams can be read back.
struct Sheet {
  Sheet() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    output_end.reset(ends[0]), output_start.reset(ends[1]);
    EXPECT_EQ(::pipe(ends.data()), 0);
    error_end.reset(ends[0]), error_start.reset(ends[1]);
    console.emplace(Console::Descriptors{.output = output_start.get(), .error = error_start.get()});
  }
  std::string read(Descriptor& end, OutputQueue& queue) {
    queue.write_some();
    std::string text(65536, '\0');
    const ssize_t size = ::read(end.get(), text.data(), text.size());
    text.resize(size > 0 ? static_cast<size_t>(size) : 0);
    return text;
  }
  std::string output() { return read(output_end, console->output()); }
  std::string error() { return read(error_end, console->error()); }

  Descriptor output_end, output_start, error_end, error_start;
  std::optional<Console> console;
};

TEST(RankOutput, LinesKeepTheirStreamAndGetTheirRank) {
  Sheet sheet;
  RankOutput rank({.rank = 3}, *sheet.console, {});
  rank.take(Stream::kOutput, "one\ntwo");
  rank.take(Stream::kError, "three\n");
  rank.finish();
  EXPECT_EQ(sheet.output(), "[rank 3] one\n[rank 3] two\n");
  EXPECT_EQ(sheet.error(), "[rank 3] three\n");
}

TEST(RankOutput, LastWordsPreferAnErrorLine) {
  Sheet sheet;
  RankOutput rank({.rank = 0}, *sheet.console, {});
  EXPECT_EQ(rank.last_words(), "");
  rank.take(Stream::kOutput, "result\n");
  EXPECT_EQ(rank.last_words(), "result");
  rank.take(Stream::kError, "loading\n\n");
  EXPECT_EQ(rank.last_words(), "loading");
  rank.take(Stream::kError, "error: no memory\nbye\n");
  EXPECT_EQ(rank.last_words(), "error: no memory");
  rank.take(Stream::kError, "error: " + std::string(10000, 'x') + "\n");
  EXPECT_LT(rank.last_words().size(), 600u);
}

TEST(RankOutput, LogIsAppendedToWithoutPrefix) {
  const std::string folder = testing::TempDir() + "rank_output_log/deeper";
  std::filesystem::remove_all(folder);
  for (const char* text : {"first\n", "second\n"}) {
    Sheet sheet;
    RankOutput rank({.rank = 12}, *sheet.console, open_rank_log(folder, 12));
    rank.take(Stream::kError, text);
  }
  std::ifstream file(folder + "/rank_00012.log");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), "first\nsecond\n");
}

TEST(RankOutput, LogThatCannotBeWrittenIsRefusedNamingIt) {
  EXPECT_THROW(open_rank_log("/proc/nosuch", 0), InputError);
}

TEST(RankOutput, FullDiskEndsTheLogAndNotTheOutput) {
  Sheet sheet;
  RankOutput rank({.rank = 0}, *sheet.console, Descriptor(::open("/dev/full", O_WRONLY)));
  rank.take(Stream::kError, "one\n");
  rank.take(Stream::kError, "two\n");
  EXPECT_THAT(sheet.error(),
              testing::MatchesRegex("\\[rank 0\\] one\nlaunch: the log of rank 0 ends here: .*\n"
                                    "\\[rank 0\\] two\n"));
}

TEST(OutputQueue, ReaderThatIsGoneIsWrittenToNoMore) {
  Sheet sheet;
  const auto former = std::signal(SIGPIPE, SIG_IGN);
  sheet.output_end.reset();
  sheet.console->print(Stream::kOutput, "x");
  sheet.console->output().write_some();
  EXPECT_TRUE(sheet.console->output().empty());
  sheet.console->print(Stream::kOutput, "x");
  EXPECT_TRUE(sheet.console->output().empty());
  std::signal(SIGPIPE, former);
}

TEST(OutputQueue, SlowReaderMakesItCongestedAndLosesNothing) {
  Sheet sheet;
  const std::string line(1000, 'x');
  size_t written = 0;
  for (; !sheet.console->congested(); written += line.size() + 1) {
    sheet.console->print(Stream::kOutput, line);
    sheet.console->output().write_some();
  }
  size_t read = 0;
  while (read < written) read += sheet.output().size();
  EXPECT_EQ(read, written);
  EXPECT_TRUE(sheet.console->flushed());
}

TEST(LogFile, IsTheUsersToChooseOnlyWhereThePathIsWrong) {
  Folder folder;
  EXPECT_THROW(open_log_file("/dev/null/logs", "a"), InputError);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_THROW(open_log_file(folder / "logs", "a"), EnvironmentError);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace tandem::launch
