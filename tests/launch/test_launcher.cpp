// SPDX-License-Identifier: Apache-2.0
// `tandem launch` as a user runs it, with shell scripts for ranks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/launch/listener.h"
#include "tests/launch/launcher.h"

namespace tandem::launch {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

std::vector<std::string> ranks(int count, const std::string& script, std::vector<std::string> flags = {}) {
  std::vector<std::string> arguments = {"--ranks", std::to_string(count)};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  for (const std::string& word : {std::string("--"), std::string("/bin/sh"), std::string("-c"), script})
    arguments.push_back(word);
  return arguments;
}

/// Waits for a whole line in each file before a test acts on the ranks.
void await_files(const Folder& folder, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    ASSERT_TRUE(await([&] { return contents(folder / name).ends_with('\n'); })) << name;
}

TEST(Launcher, EachRankSeesItsPlace) {
  Folder folder;
  Launcher launcher(folder,
                    ranks(3,
                          "echo $RANK $LOCAL_RANK $WORLD_SIZE $LOCAL_WORLD_SIZE $MASTER_ADDR >$F/$RANK; "
                          "echo $MASTER_PORT >$F/port$RANK"));
  EXPECT_EQ(launcher.wait(), 0);
  for (const std::string rank : {"0", "1", "2"}) {
    EXPECT_EQ(contents(folder / rank), rank + " " + rank + " 3 3 127.0.0.1\n");
    EXPECT_EQ(contents(folder / ("port" + rank)), contents(folder / "port0"));
  }
  EXPECT_EQ(launcher.error(), "");
}

TEST(Launcher, CommandOfTandemRunsThisProgram) {
  Folder folder;
  Launcher launcher(folder, {"--ranks", "2", "--", "config", "keys"});
  EXPECT_EQ(launcher.wait(), 0);
  EXPECT_THAT(launcher.output(),
              AllOf(HasSubstr("[rank 0] model.hidden"), HasSubstr("[rank 1] model.hidden")));
}

TEST(Launcher, OutputIsPrefixedByStreamAndStoredByRank) {
  Folder folder;
  for (int run = 0; run < 2; ++run) {
    Launcher launcher(folder, ranks(2, "echo out $RANK; echo err $RANK >&2; printf unfinished",
                                    {"--log-dir", folder / "logs/deep"}));
    EXPECT_EQ(launcher.wait(), 0);
    EXPECT_THAT(launcher.output(), AllOf(HasSubstr("[rank 0] out 0\n"), HasSubstr("[rank 1] unfinished\n")));
    EXPECT_THAT(launcher.error(), AllOf(HasSubstr("[rank 0] err 0\n"), HasSubstr("[rank 1] err 1\n")));
  }
  std::string log = contents(folder / "logs/deep/rank_00001.log");
  for (const char* line : {"out 1\n", "err 1\n", "unfinished\n"})
    for (int run = 0; run < 2; ++run) {
      const size_t found = log.find(line);
      ASSERT_NE(found, std::string::npos) << line;
      log.erase(found, std::string(line).size());
    }
  EXPECT_EQ(log, "");
}

TEST(Launcher, NothingIsLostOfFastOutput) {
  Folder folder;
  Launcher launcher(folder,
                    ranks(2, "seq 1 100000; seq 1 20000 >&2; printf end", {"--log-dir", folder / "logs"}));
  EXPECT_EQ(launcher.wait(), 0);
  std::vector<std::string> expected(2), seen(2);
  for (int rank = 0; rank < 2; ++rank) {
    for (int i = 1; i <= 100000; ++i) expected[rank] += std::to_string(i) + "\n";
    expected[rank] += "end\n";
  }
  std::stringstream lines(launcher.output());
  for (std::string line; std::getline(lines, line);) {
    ASSERT_TRUE(line.starts_with("[rank 0] ") || line.starts_with("[rank 1] ")) << line;
    seen[static_cast<size_t>(line[6] - '0')] += line.substr(9) + "\n";
  }
  EXPECT_TRUE(seen == expected);
  EXPECT_EQ(std::filesystem::file_size(folder / "logs/rank_00000.log"), expected[0].size() + 108894);
}

TEST(Launcher, FailedRankEndsAllWithinTwoSecondsAndIsNamedWithItsWords) {
  Folder folder;
  Launcher launcher(folder,
                    ranks(3,
                          "trap '' TERM; echo $$ >$F/pid$RANK; sleep 1000 & echo $! >$F/child$RANK; "
                          "if [ $RANK = 1 ]; then while [ ! -e $F/go ]; do sleep 0.01; done; "
                          "echo warming up >&2; echo 'error: no such corpus' >&2; echo bye >&2; exit 17; fi; "
                          "while :; do wait; done"));
  const std::vector<std::string> names = {"pid0", "pid1", "pid2", "child0", "child1", "child2"};
  await_files(folder, names);
  const auto start = Clock::now();
  std::ofstream(folder / "go") << "go";
  EXPECT_EQ(launcher.wait(), 17);
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(2));
  EXPECT_THAT(launcher.error(), EndsWith("\nerror: rank 1 failed with exit code 17: no such corpus\n"));
  for (const std::string& name : names) EXPECT_FALSE(runs(folder.pid(name))) << name;
}

TEST(Launcher, BugThatEndsAfterThePeersItTookAlongIsTheVerdict) {
  Folder folder;
  Launcher launcher(folder,
                    ranks(3,
                          "case $RANK in 0) until [ -s $F/1 ]; do sleep 0.01; done; "
                          "echo 'error: a peer ended' >&2; exit 3;; "
                          "1) trap 'echo error: broken invariant >&2; exit 70' TERM; echo ready >$F/1; "
                          "while :; do sleep 0.02; done;; *) exec sleep 1000;; esac"));
  EXPECT_EQ(launcher.wait(), 70);
  EXPECT_THAT(launcher.error(), EndsWith("\nerror: rank 1 failed with exit code 70: broken invariant\n"));
}

TEST(Launcher, OtherRanksMayHearOfTheFailureBeforeTheyAreKilled) {
  Folder folder;
  Launcher launcher(
      folder,
      ranks(3,
            "trap 'echo heard >$F/heard$RANK; exit 0' TERM; echo ready >$F/$RANK; "
            "if [ $RANK = 2 ]; then until [ -s $F/0 ] && [ -s $F/1 ]; do sleep 0.01; done; exit 2; fi; "
            "while :; do sleep 0.02; done"));
  EXPECT_EQ(launcher.wait(), 2);
  EXPECT_TRUE(folder.has("heard0"));
  EXPECT_TRUE(folder.has("heard1"));
  EXPECT_FALSE(folder.has("heard2"));
}

TEST(Launcher, RankKilledByASignalIsExitCodeThree) {
  Folder folder;
  Launcher launcher(folder, ranks(2, "[ $RANK != 0 ] || kill -SEGV $$; exec sleep 1000"));
  EXPECT_EQ(launcher.wait(), 3);
  EXPECT_EQ(launcher.error(), "error: rank 0 failed with signal 11 (SIGSEGV)\n");
}

TEST(Launcher, StoppedRankIsEndedToo) {
  Folder folder;
  Launcher launcher(folder, ranks(2,
                                  "echo $$ >$F/$RANK; if [ $RANK = 1 ]; then kill -STOP $$; fi; "
                                  "while [ ! -e $F/go ]; do sleep 0.01; done; exit 5"));
  await_files(folder, {"0", "1"});
  const std::string stat = "/proc/" + std::to_string(folder.pid("1")) + "/stat";
  ASSERT_TRUE(await([&] { return contents(stat).find(") T ") != std::string::npos; }));
  std::ofstream(folder / "go") << "go";
  EXPECT_EQ(launcher.wait(), 5);
  EXPECT_FALSE(runs(folder.pid("1")));
}

class LauncherSignal : public testing::TestWithParam<std::pair<int, const char*>> {};

TEST_P(LauncherSignal, IsPassedOnAndWaitedForEvenIfIgnoredBefore) {
  Folder folder;
  const auto& [signal, name] = GetParam();
  const auto former = std::signal(signal, SIG_IGN);
  Launcher launcher(folder,
                    ranks(2, std::string("trap 'sleep 0.2; echo saved >$F/saved$RANK; "
                                         "echo preempted at step 5 >&2; exit 3' ") +
                                 (name + 3) + "; echo ready >$F/$RANK; while :; do sleep 0.02; done"));
  std::signal(signal, former);
  await_files(folder, {"0", "1"});
  launcher.send(signal);
  launcher.send(signal);
  EXPECT_EQ(launcher.wait(), 3);
  EXPECT_TRUE(folder.has("saved0"));
  EXPECT_TRUE(folder.has("saved1"));
  EXPECT_THAT(launcher.error(), EndsWith(std::string("error: stopped by ") + name +
                                         "; rank 0 ended with exit code 3: preempted at step 5\n"));
}

INSTANTIATE_TEST_SUITE_P(Each, LauncherSignal,
                         testing::Values(std::pair(SIGTERM, "SIGTERM"), std::pair(SIGINT, "SIGINT")),
                         [](const auto& test) { return test.param.second; });

TEST(Launcher, WhatAWrapperLeavesMayStillSaveAfterASignal) {
  Folder folder;
  Launcher launcher(folder, ranks(1,
                                  "sh -c 'trap \"sleep 0.3; echo saved >$F/saved; exit 3\" TERM; "
                                  "echo ready >$F/ready; while :; do sleep 0.02; done' & wait"));
  await_files(folder, {"ready"});
  launcher.send(SIGTERM);
  EXPECT_EQ(launcher.wait(), 3);
  EXPECT_TRUE(folder.has("saved"));
}

TEST(Launcher, SecondSignalKillsRanksThatDoNotListen) {
  Folder folder;
  Launcher launcher(folder, ranks(2, "trap '' TERM; echo $$ >$F/$RANK; while :; do sleep 0.02; done"));
  await_files(folder, {"0", "1"});
  EXPECT_TRUE(await([&] {
    launcher.send(SIGTERM);
    return launcher.ended();
  }));
  EXPECT_EQ(launcher.wait(), 3);
  for (const char* rank : {"0", "1"}) EXPECT_FALSE(runs(folder.pid(rank)));
}

TEST(Launcher, SignalGraceIsTheEndOfWaiting) {
  Folder folder;
  Launcher launcher(
      folder, ranks(1, "trap '' TERM; echo $$ >$F/0; while :; do sleep 0.02; done", {"--signal-grace", "0"}));
  await_files(folder, {"0"});
  launcher.send(SIGTERM);
  EXPECT_EQ(launcher.wait(), 3);
}

TEST(Launcher, KilledLauncherLeavesNoRankAndNothingThatARankStarted) {
  Folder folder;
  Launcher launcher(folder, ranks(3, "sleep 1000 & echo $! >$F/child$RANK; echo $$ >$F/pid$RANK; wait"));
  const std::vector<std::string> names = {"pid0", "pid1", "pid2", "child0", "child1", "child2"};
  await_files(folder, names);
  launcher.send(SIGKILL);
  EXPECT_EQ(launcher.wait(), 128 + SIGKILL);
  for (const std::string& name : names)
    EXPECT_TRUE(await([&] { return !runs(folder.pid(name)); }, std::chrono::seconds(5))) << name;
}

TEST(Launcher, WhatAFinishedRankLeavesIsEnded) {
  Folder folder;
  Launcher launcher(folder, ranks(1, "sleep 1000 & echo $! >$F/child"));
  EXPECT_EQ(launcher.wait(), 0);
  EXPECT_FALSE(runs(folder.pid("child")));
}

TEST(Launcher, RankThatIsDoneEarlyWaitsForTheOthers) {
  Folder folder;
  Launcher launcher(
      folder, ranks(2,
                    "echo $$ >$F/pid$RANK; [ $RANK = 1 ] || exit 0; until [ -s $F/pid0 ]; do sleep 0.01; "
                    "done; while kill -0 $(cat $F/pid0) 2>/dev/null; do sleep 0.01; done; echo last"));
  EXPECT_EQ(launcher.wait(), 0);
  EXPECT_EQ(launcher.output(), "[rank 1] last\n");
}

TEST(Launcher, RanksThatRunOnPastTheFinishGraceAreAFailure) {
  Folder folder;
  Launcher launcher(folder, ranks(2, "[ $RANK = 1 ] || exit 0; exec sleep 1000", {"--finish-grace", "0"}));
  EXPECT_EQ(launcher.wait(), 3);
  EXPECT_THAT(launcher.error(),
              HasSubstr("error: rank 0 was done, but others ran on for 0 s and were stopped\n"));
}

TEST(Launcher, FailureIsActedOnWhileNobodyReadsTheOutput) {
  Folder folder;
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  Descriptor reader(ends[0]), writer(ends[1]);
  Launcher launcher(folder,
                    ranks(2,
                          "echo $$ >$F/$RANK; if [ $RANK = 0 ]; then seq 1 1000000; exec sleep 1000; fi; "
                          "while [ ! -e $F/go ]; do sleep 0.01; done; exit 9"),
                    {}, {.output = writer.get()});
  writer.reset();
  await_files(folder, {"0", "1"});
  std::ofstream(folder / "go") << "go";
  EXPECT_TRUE(await([&] { return !runs(folder.pid("0")); }, std::chrono::seconds(5)));
  std::vector<char> bytes(1 << 16);
  while (::read(reader.get(), bytes.data(), bytes.size()) > 0) {
  }
  EXPECT_EQ(launcher.wait(), 9);
}

TEST(Launcher, RanksGoOnWhenTheReaderLeaves) {
  Folder folder;
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  Descriptor reader(ends[0]), writer(ends[1]);
  Launcher launcher(folder,
                    ranks(1, "until [ -e $F/go ]; do sleep 0.01; done; seq 1 100000; echo done >$F/done"), {},
                    {.output = writer.get()});
  writer.reset();
  reader.reset();
  std::ofstream(folder / "go") << "go";
  EXPECT_EQ(launcher.wait(), 0);
  EXPECT_TRUE(folder.has("done"));
}

TEST(Launcher, OutputThatADiskHasNoRoomForIsAFailure) {
  Folder folder;
  const Descriptor full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_GE(full.get(), 0);
  Launcher launcher(folder, ranks(1, "echo result; echo done >$F/done"), {}, {.output = full.get()});
  EXPECT_EQ(launcher.wait(), 3);
  EXPECT_TRUE(folder.has("done"));
  EXPECT_THAT(launcher.error(), HasSubstr("standard output could not be written: No space left on device"));
}

/// Two ranks whose launcher has noticed that nobody reads its output; rank 0 writes without end, rank 1 waits
/// for the file `go` and exits with 9.
class LauncherWithoutAudience : public testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const Descriptor reader(ends[0]), writer(ends[1]);
    // More than the launcher keeps for a slow reader; then more than it can pass on.
    launcher_.emplace(
        folder_,
        ranks(2,
              "[ $RANK = 0 ] || { until [ -e $F/go ]; do sleep 0.01; done; exit 9; }; "
              "yes | head -c 3000000; echo past >$F/past; for i in 1 2 3 4; do yes '' & done; wait"),
        std::vector<std::string>{}, Streams{.output = writer.get()});
  }
  Folder folder_;
  std::optional<Launcher> launcher_;
};

TEST_F(LauncherWithoutAudience, HearsASignalWhileARankWritesWithoutEnd) {
  await_files(folder_, {"past"});
  launcher_->send(SIGTERM);
  EXPECT_TRUE(await([&] { return launcher_->ended(); }));
  EXPECT_THAT(launcher_->error(), HasSubstr("launch: signal 15 passed on to 2 ranks\n"));
}

TEST_F(LauncherWithoutAudience, ActsOnAFailureWhileARankWritesWithoutEnd) {
  await_files(folder_, {"past"});
  std::ofstream(folder_ / "go") << "go";
  EXPECT_TRUE(await([&] { return launcher_->ended(); }));
  EXPECT_EQ(launcher_->wait(), 9);
}

TEST(Launcher, ProgressBarOfRankZeroStaysBelowTheLinesOnATerminal) {
  Folder folder;
  Descriptor screen(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  ASSERT_EQ(::grantpt(screen.get()) + ::unlockpt(screen.get()), 0);
  Descriptor terminal(::open(::ptsname(screen.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  Launcher launcher(folder,
                    ranks(2,
                          "echo ${TANDEM_TERMINAL:-none} >$F/terminal$RANK; "
                          "if [ $RANK = 0 ]; then printf '\\r 10%%\\r 20%%' >&2; fi; "
                          "until [ -e $F/go ]; do sleep 0.01; done; [ $RANK = 0 ] || echo line >&2; "
                          "until [ -e $F/stop ]; do sleep 0.01; done; [ $RANK = 1 ] || echo ' 30%' >&2"),
                    {"TERM=xterm"}, {.output = terminal.get(), .error = terminal.get()});
  std::string shown;
  const auto await_text = [&](const std::string& text) {
    return await([&] {
      std::array<char, 4096> bytes;
      for (ssize_t size; (size = ::read(screen.get(), bytes.data(), bytes.size())) > 0;)
        shown.append(bytes.data(), static_cast<size_t>(size));
      return shown.find(text) != std::string::npos;
    });
  };
  EXPECT_TRUE(await_text("\r 20%\x1b[K")) << shown;
  std::ofstream(folder / "go") << "go";
  EXPECT_TRUE(await_text("\r[rank 1] line\x1b[K\r\n 20%\x1b[K")) << shown;
  std::ofstream(folder / "stop") << "stop";
  EXPECT_TRUE(await_text("[rank 0]  20% 30%")) << shown;
  EXPECT_EQ(launcher.wait(), 0);
  EXPECT_NE(contents(folder / "terminal0"), "none\n");
  EXPECT_EQ(contents(folder / "terminal1"), "none\n");
}

struct Refusal {
  std::vector<std::string> arguments;
  int code;
  const char* message;
};

TEST(Launcher, BadInputIsRefusedInOneLine) {
  const Descriptor taken = listen_on({});
  const std::string port = std::to_string(port_of(taken));
  const std::vector<Refusal> refusals = {
      {{"--ranks", "2", "--", "nosuchcommand"}, 2, "'nosuchcommand'"},
      {{"--ranks", "2", "--", "/etc/passwd"}, 2, "'/etc/passwd'"},
      {{"--ranks", "0", "--", "true"}, 2, "--ranks 0"},
      {{"--ranks", "x", "--", "true"}, 2, "--ranks"},
      {{"--ranks", "2"}, 2, "command"},
      {{"--", "true"}, 2, "--ranks"},
      {{"--ranks", "2", "--max-restarts", "-1", "--", "true"}, 2, "--max-restarts -1"},
      {{"--ranks", "2", "--rendezvous", "node0", "--", "true"}, 2, "HOST:PORT"},
      {{"--ranks", "2", "--nodes", "2", "--", "true"}, 2, "--rendezvous"},
      {{"--ranks", "2", "--nodes", "2", "--node-rank", "2", "--", "true"}, 2, "--node-rank 2"},
      {{"--ranks", "2", "--interface", "nosuch0", "--", "true"}, 2, "'nosuch0'"},
      {{"--ranks", "2", "--log-dir", "/proc/nosuch", "--", "true"}, 2, "/proc/nosuch"},
      {{"--ranks", "2", "--signal-grace", "-1", "--", "true"}, 2, "grace"},
      {{"--ranks", "2", "--rendezvous", "127.0.0.1:" + port, "--", "true"}, 3, "in use"}};
  for (const Refusal& refusal : refusals) {
    Folder folder;
    Launcher launcher(folder, refusal.arguments);
    EXPECT_EQ(launcher.wait(), refusal.code) << refusal.message;
    EXPECT_THAT(launcher.error(), testing::MatchesRegex("error: [^\n]*\n"));
    EXPECT_THAT(launcher.error(), HasSubstr(refusal.message));
    EXPECT_EQ(launcher.output(), "");
  }
}

TEST(Launcher, ProgramThatIsBusyMayBeStartedLater) {
  Folder folder;
  std::filesystem::copy_file("/bin/true", folder / "program");
  const Descriptor writer(::open((folder / "program").c_str(), O_WRONLY | O_CLOEXEC));
  Launcher launcher(folder, {"--ranks", "1", "--", folder / "program"});
  EXPECT_EQ(launcher.wait(), 3);
  EXPECT_THAT(launcher.error(),
              testing::MatchesRegex("error: command '.*program' cannot be executed: Text file busy\n"));
}

TEST(Launcher, ScriptWithoutInterpreterStartsNothing) {
  Folder folder;
  std::ofstream(folder / "script") << "#!/no/such/interpreter\n";
  std::filesystem::permissions(folder / "script", std::filesystem::perms::owner_all);
  Launcher launcher(folder, {"--ranks", "2", "--", folder / "script"});
  EXPECT_EQ(launcher.wait(), 2);
  EXPECT_THAT(launcher.error(),
              testing::MatchesRegex("error: command '.*script' cannot be executed: [^\n]*\n"));
}

}  // namespace
}  // namespace tandem::launch
