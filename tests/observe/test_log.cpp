// SPDX-License-Identifier: Apache-2.0
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "screen.h"
#include "tandem/base/error.h"
#include "tandem/observe/log.h"
#include "temporary_folder.h"

namespace tandem::observe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

constexpr const char* kTime = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z ";

TEST(Log, WritesTimeRankLevelAndMessageToTheFileOfItsRank) {
  const TemporaryFolder folder;
  Log log({.rank = 12, .directory = folder / "logs"});
  log.info("step {} of {}", 3, 4);
  log.warning("careful");
  EXPECT_THAT(
      read_file(folder / "logs/rank_00012.log"),
      MatchesRegex(std::string(kTime) + "rank 12 info step 3 of 4\n" + kTime + "rank 12 warning careful\n"));
}

TEST(Log, AppendsToWhatAnEarlierRunWrote) {
  const TemporaryFolder folder;
  for (int run = 0; run < 2; ++run) Log({.directory = folder.path()}).info("run {}", run);
  const std::string text = read_file(folder / "rank_00000.log");
  EXPECT_THAT(text, HasSubstr("run 0"));
  EXPECT_THAT(text, HasSubstr("run 1"));
}

TEST(Log, GivesEachLineOfAMessageItsHead) {
  const TemporaryFolder folder;
  Log log({.rank = 1, .directory = folder.path()});
  log.error("one\ntwo\n");
  EXPECT_THAT(read_file(folder / "rank_00001.log"),
              MatchesRegex(std::string(kTime) + "rank 1 error one\n" + kTime + "rank 1 error two\n"));
}

TEST(Log, LeavesOutWhatIsBelowTheLevelOfEachPlace) {
  const TemporaryFolder folder;
  Screen screen(TerminalStyle::kPlain);
  Terminal terminal(screen.options());
  Log log({.directory = folder.path(),
           .file_level = LogLevel::kInfo,
           .terminal = &terminal,
           .terminal_level = LogLevel::kWarning});
  log.debug("d"), log.info("i"), log.warning("w {{}}"), log.error("{}", "e {}");
  EXPECT_THAT(screen.lines(), ElementsAre("warning: w {}", "error: e {}", ""));
  EXPECT_THAT(read_file(folder / "rank_00000.log"), testing::Not(HasSubstr("debug")));
  EXPECT_THAT(read_file(folder / "rank_00000.log"), HasSubstr("info i\n"));
  EXPECT_FALSE(log.wants(LogLevel::kDebug));
}

TEST(Log, PrintsAboveTheProgressBar) {
  Screen screen(TerminalStyle::kAscii);
  Terminal terminal(screen.options());
  Log log({.terminal = &terminal});
  terminal.show_status("the bar");
  log.info("saved");
  EXPECT_THAT(screen.lines(), ElementsAre("saved", "the bar"));
}

TEST(Log, NamesTheFileThatCannotBeOpened) {
  const TemporaryFolder folder;
  write_file(folder / "taken", "");
  try {
    Log log({.directory = folder / "taken"});
    FAIL();
  } catch (const EnvironmentError& error) {
    EXPECT_THAT(error.what(), HasSubstr("taken/rank_00000.log"));
  }
}

TEST(Log, KeepsLinesOfManyThreadsWhole) {
  const TemporaryFolder folder;
  Log log({.directory = folder.path()});
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&log] {
        for (int i = 0; i < 100; ++i) log.info("0123456789");
      });
  }
  std::ifstream file(folder / "rank_00000.log");
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines)
    EXPECT_THAT(line, MatchesRegex(std::string(kTime) + "rank 0 info 0123456789"));
  EXPECT_EQ(lines, 400);
}

TEST(ProcessLog, DropsEverythingUntilALogIsSet) {
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  process_log()->error("nobody asked");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");

  Screen screen(TerminalStyle::kPlain);
  Terminal terminal(screen.options());
  set_process_log(std::make_shared<Log>(LogOptions{.terminal = &terminal}));
  process_log()->info("heard");
  set_process_log(nullptr);
  process_log()->info("not heard");
  EXPECT_THAT(screen.lines(), ElementsAre("heard", ""));
}

}  // namespace
}  // namespace tandem::observe
