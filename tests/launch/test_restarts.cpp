// SPDX-License-Identifier: Apache-2.0
// Restarts by the launcher, with shell scripts for ranks.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tandem/launch/listener.h"
#include "tests/launch/launcher.h"

namespace tandem::launch {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using Clock = std::chrono::steady_clock;

constexpr const char* kNeverAgain = "3600000";

// $A: restarts before; report N: tells of a committed step; await FILE; each start leaves start$RANK.$A with
// its process id.
constexpr const char* kPrelude =
    "A=$TORCHELASTIC_RESTART_COUNT; echo $$ >$F/start$RANK.$A; "
    "report() { echo \"{\\\"event\\\":\\\"committed\\\",\\\"step\\\":$1}\" "
    ">/dev/fd/$TANDEM_REPORT_DESCRIPTOR; }; "
    "await() { until [ -s $1 ]; do sleep 0.01; done; }; ";

/// A launcher whose back-off starts at some milliseconds.
class QuickLauncher : public Launcher {
 public:
  QuickLauncher(const Folder& folder, const std::string& script, std::vector<std::string> flags,
                const std::string& first_delay = "10")
      : Launcher(folder, with_script(std::move(flags), script), {}, {},
                 {TANDEM_BINARY_DIR "/tests/quick_launcher", first_delay}) {}

 private:
  static std::vector<std::string> with_script(std::vector<std::string> flags, const std::string& script) {
    for (const std::string& word :
         {std::string("--"), std::string("/bin/sh"), std::string("-c"), kPrelude + script})
      flags.push_back(word);
    return flags;
  }
};

/// Returns the process ids of all ranks ever started, by file.
std::vector<std::string> starts(const Folder& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder / ""))
    if (const std::string name = entry.path().filename(); name.starts_with("start")) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

void expect_none_left(const Folder& folder) {
  for (const std::string& name : starts(folder)) EXPECT_FALSE(runs(folder.pid(name))) << name;
}

std::vector<json> supervisor_lines(const Folder& folder) {
  std::istringstream lines(contents(folder / "logs/supervisor_0.jsonl"));
  std::vector<json> entries;
  for (std::string line; std::getline(lines, line);) entries.push_back(json::parse(line));
  return entries;
}

struct Fault {
  const char* name;
  const char* command;
  const char* told;
};

class EachFault : public testing::TestWithParam<Fault> {};

TEST_P(EachFault, IsFollowedByRestartsUntilTheRanksAreDone) {
  Folder folder;
  QuickLauncher launcher(folder,
                         std::string("[ $RANK = 1 ] && [ $A -lt 2 ] && { await $F/start0.$A; await "
                                     "$F/start2.$A; echo error: at $A >&2; ") +
                             GetParam().command + "; }; echo done $RANK $A",
                         {"--ranks", "3", "--max-restarts", "5"});
  EXPECT_EQ(launcher.wait(), 0);
  EXPECT_THAT(launcher.output(), AllOf(HasSubstr("[rank 0] done 0 2\n"), HasSubstr("[rank 1] done 1 2\n"),
                                       HasSubstr("[rank 2] done 2 2\n"), Not(HasSubstr("done 1 1"))));
  for (const int attempt : {0, 1})
    EXPECT_THAT(launcher.error(),
                ContainsRegex("\nlaunch: rank 1 failed with " + std::string(GetParam().told) + ": at " +
                              std::to_string(attempt) + "; restart " + std::to_string(attempt + 1) +
                              " of 5 in 0.0 s\n"));
  EXPECT_THAT(launcher.error(), Not(HasSubstr("\nerror: rank")));
  EXPECT_EQ(starts(folder).size(), 9u);
  expect_none_left(folder);
}

INSTANTIATE_TEST_SUITE_P(Restarts, EachFault,
                         testing::Values(Fault{"killed", "kill -KILL $$", "signal 9 .SIGKILL."},
                                         Fault{"segfault", "kill -SEGV $$", "signal 11 .SIGSEGV."},
                                         Fault{"abort", "kill -ABRT $$", "signal 6 .SIGABRT."},
                                         Fault{"surroundings", "exit 3", "exit code 3"},
                                         Fault{"bug", "exit 70", "exit code 70"},
                                         Fault{"other", "exit 17", "exit code 17"}),
                         [](const auto& test) { return test.param.name; });

TEST(Restarts, EarlyEndOfARankIsRetriedWhereItIsAFailure) {
  Folder folder;
  QuickLauncher launcher(folder, "[ $RANK = 0 ] || [ $A = 1 ] || exec sleep 1000",
                         {"--ranks", "2", "--max-restarts", "1", "--finish-grace", "1"});
  EXPECT_EQ(launcher.wait(), 0);
  EXPECT_THAT(launcher.error(),
              HasSubstr("rank 0 was done, but others ran on for 1 s and were stopped; restart 1"));
  expect_none_left(folder);
}

TEST(Restarts, MistakeIsNotRetried) {
  Folder folder;
  QuickLauncher launcher(folder, "[ $RANK = 0 ] || { await $F/start0.0; exit 2; }; exec sleep 1000",
                         {"--ranks", "2", "--max-restarts", "5"});
  EXPECT_EQ(launcher.wait(), 2);
  EXPECT_EQ(launcher.error(),
            "error: rank 1 failed with exit code 2; exit code 2 is not retried; 0 of 5 restarts used\n");
  EXPECT_EQ(starts(folder).size(), 2u);
}

TEST(Restarts, LastFailureIsTheResultWhenRestartsRunOut) {
  Folder folder;
  QuickLauncher launcher(folder, "exit $((40 + A))", {"--ranks", "1", "--max-restarts", "2"});
  EXPECT_EQ(launcher.wait(), 42);
  EXPECT_THAT(launcher.error(), EndsWith("\nerror: rank 0 failed with exit code 42; 2 of 2 restarts used\n"));
  EXPECT_EQ(starts(folder).size(), 3u);
}

TEST(Restarts, ThreeInARowWithoutACommittedStepAreACrashLoop) {
  Folder folder;
  QuickLauncher launcher(folder, "exit 70", {"--ranks", "1", "--max-restarts", "100"});
  EXPECT_EQ(launcher.wait(), 70);
  EXPECT_THAT(
      launcher.error(),
      EndsWith("\nerror: rank 0 failed with exit code 70; crash_loop: 3 restarts in a row without a newly "
               "committed step; 3 of 100 restarts used\n"));
  EXPECT_EQ(starts(folder).size(), 4u);
}

TEST(Restarts, NewlyCommittedStepsPutOffTheCrashLoop) {
  Folder folder;
  // Steps 20 and 40 in starts 2 and 4; step 40 again in all later ones, which is nothing new.
  QuickLauncher launcher(folder, "case $A in 2) report 20;; [4-9]) report 40;; esac; kill -KILL $$",
                         {"--ranks", "1", "--max-restarts", "100"});
  EXPECT_EQ(launcher.wait(), 3);
  EXPECT_THAT(launcher.error(), HasSubstr("; crash_loop: "));
  EXPECT_EQ(starts(folder).size(), 8u);
}

TEST(Restarts, KillOfEachRankInTurnIsSurvived) {
  Folder folder;
  QuickLauncher launcher(folder,
                         "[ $A -lt 4 ] || exit 0; report $A; echo ready >$F/ready$RANK.$A; exec sleep 1000",
                         {"--ranks", "4", "--max-restarts", "10"});
  for (int victim = 0; victim < 4; ++victim) {
    const std::string attempt = "." + std::to_string(victim);
    for (int rank = 0; rank < 4; ++rank)
      ASSERT_TRUE(await([&] { return folder.has("ready" + std::to_string(rank) + attempt); }));
    ::kill(folder.pid("start" + std::to_string(victim) + attempt), SIGKILL);
  }
  EXPECT_EQ(launcher.wait(), 0);
  for (int victim = 0; victim < 4; ++victim)
    EXPECT_THAT(launcher.error(), HasSubstr("launch: rank " + std::to_string(victim) +
                                            " failed with signal 9 (SIGKILL); restart " +
                                            std::to_string(victim + 1) + " of 10"));
  EXPECT_EQ(starts(folder).size(), 20u);
  expect_none_left(folder);
}

TEST(Restarts, EarlierRanksAndWhatTheyStartedAreGoneBefore) {
  Folder folder;
  QuickLauncher launcher(
      folder,
      "if [ $A = 0 ]; then trap '' TERM; sleep 1000 & echo $! >$F/start_child$RANK; "
      "[ $RANK = 0 ] || { await $F/start_child0; exit 3; }; while :; do wait; done; fi; "
      "for file in $F/start*.0 $F/start_child*; do kill -0 $(cat $file) 2>/dev/null && exit 2; done; exit 0",
      {"--ranks", "2", "--max-restarts", "1"});
  EXPECT_EQ(launcher.wait(), 0) << launcher.error();
  EXPECT_EQ(starts(folder).size(), 6u);
  expect_none_left(folder);
}

TEST(Restarts, LauncherHoldsNoMoreDescriptorsAfterThem) {
  Folder folder;
  QuickLauncher launcher(
      folder,
      "until grep -q \"\\\"started\\\",\\\"attempt\\\":$A\" $F/logs/supervisor_0.jsonl; do sleep 0.01; done; "
      "ls /proc/$PPID/fd | wc -l >$F/descriptors$A; report $A; [ $A = 5 ] || exit 3",
      {"--ranks", "1", "--max-restarts", "5", "--log-dir", folder / "logs"});
  EXPECT_EQ(launcher.wait(), 0);
  EXPECT_EQ(contents(folder / "descriptors0"), contents(folder / "descriptors5"));
}

class SignalWithRestarts : public testing::TestWithParam<std::pair<int, const char*>> {};

TEST_P(SignalWithRestarts, EndsTheRunForGood) {
  Folder folder;
  QuickLauncher launcher(
      folder,
      "trap 'echo error: preempted at step 5 >&2; exit 3' TERM INT; echo r >$F/ready$RANK; "
      "while :; do sleep 0.02; done",
      {"--ranks", "2", "--max-restarts", "5"});
  ASSERT_TRUE(await([&] { return folder.has("ready0") && folder.has("ready1"); }));
  launcher.send(GetParam().first);
  EXPECT_EQ(launcher.wait(), 3);
  EXPECT_THAT(launcher.error(), EndsWith("rank 0 ended with exit code 3: preempted at step 5\n"));
  EXPECT_EQ(starts(folder).size(), 2u);
  expect_none_left(folder);
}

TEST_P(SignalWithRestarts, EndsTheBackOffAtOnce) {
  Folder folder;
  QuickLauncher launcher(folder, "exit 70", {"--ranks", "1", "--max-restarts", "5"}, kNeverAgain);
  ASSERT_TRUE(await([&] { return launcher.error().find("; restart 1 of 5") != std::string::npos; }));
  const auto sent = Clock::now();
  launcher.send(GetParam().first);
  EXPECT_EQ(launcher.wait(), 3);
  EXPECT_LT(Clock::now() - sent, std::chrono::seconds(1));
  EXPECT_THAT(launcher.error(), ContainsRegex("\nerror: stopped by " + std::string(GetParam().second) +
                                              " before restart 1 of 5; rank 0 failed with exit code 70\n$"));
  EXPECT_EQ(starts(folder).size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Restarts, SignalWithRestarts,
                         testing::Values(std::pair(SIGTERM, "SIGTERM"), std::pair(SIGINT, "SIGINT"),
                                         std::pair(SIGHUP, "SIGHUP")),
                         [](const auto& test) { return test.param.second; });

TEST(Restarts, SignalWhileAFailureEndsTheRanksIsNotFollowedByOne) {
  Folder folder;
  QuickLauncher launcher(folder,
                         "trap 'echo t >$F/told$RANK' TERM; [ $RANK = 0 ] || { await $F/ready; exit 70; }; "
                         "echo r >$F/ready; while :; do sleep 0.02; done",
                         {"--ranks", "2", "--max-restarts", "5"});
  ASSERT_TRUE(await([&] { return folder.has("told0"); }));
  launcher.send(SIGTERM);
  EXPECT_EQ(launcher.wait(), 70);
  EXPECT_THAT(launcher.error(),
              EndsWith("\nerror: rank 1 failed with exit code 70; not restarted after SIGTERM; "
                       "0 of 5 restarts used\n"));
  EXPECT_EQ(starts(folder).size(), 2u);
  expect_none_left(folder);
}

TEST(Restarts, KilledLauncherIsNotOutlivedInTheBackOff) {
  Folder folder;
  QuickLauncher launcher(folder, "exit 70", {"--ranks", "1", "--max-restarts", "5"}, kNeverAgain);
  ASSERT_TRUE(await([&] { return launcher.error().find("; restart 1 of 5") != std::string::npos; }));
  launcher.send(SIGKILL);
  EXPECT_EQ(launcher.wait(), 128 + SIGKILL);
  expect_none_left(folder);
}

TEST(Restarts, RankZeroListensOnTheSamePortAtOnce) {
  Folder folder;
  const std::string meeting = TANDEM_BINARY_DIR "/tests/meeting";
  QuickLauncher launcher(
      folder,
      "echo $MASTER_PORT >$F/port$A; [ $RANK.$A != 1.0 ] || { port=$(printf :%04X $MASTER_PORT); "
      "until grep -q \"$port 00000000:0000 0A\" /proc/net/tcp; do sleep 0.01; done; exit 3; }; exec " +
          meeting,
      {"--ranks", "2", "--max-restarts", "1"});
  EXPECT_EQ(launcher.wait(), 0) << launcher.error();
  EXPECT_THAT(launcher.output(), AllOf(HasSubstr("[rank 0] rank 0 of 2"), HasSubstr("[rank 1] rank 1 of 2")));
  EXPECT_EQ(contents(folder / "port0"), contents(folder / "port1"));
}

/// Two launchers, as of two nodes, whose ranks meet; the ranks of `faulty` fail some times before.
void expect_nodes_meet(int faulty, const std::string& failures) {
  Folder first, second;
  uint16_t port = 0;
  {
    const PortReservation free({});
    port = free.port();
  }
  const auto flags = [&](int node) {
    return std::vector<std::string>{"--ranks",        "1",
                                    "--nodes",        "2",
                                    "--max-restarts", "5",
                                    "--node-rank",    std::to_string(node),
                                    "--rendezvous",   "127.0.0.1:" + std::to_string(port)};
  };
  const std::string script = "[ $RANK = " + std::to_string(faulty) + " ] && [ $A -lt " + failures +
                             " ] && exit 3; exec " TANDEM_BINARY_DIR "/tests/meeting";
  QuickLauncher one(first, script, flags(0)), other(second, script, flags(1));
  EXPECT_EQ(one.wait(), 0) << one.error();
  EXPECT_EQ(other.wait(), 0) << other.error();
  EXPECT_THAT(one.output(), HasSubstr("rank 0 of 2"));
  EXPECT_THAT(other.output(), HasSubstr("rank 1 of 2"));
}

TEST(Restarts, NodesThatRestartedDifferentlyOftenMeet) {
  expect_nodes_meet(0, "2");
  expect_nodes_meet(1, "3");
}

TEST(Restarts, AreRecordedBesideTheRanksLogs) {
  Folder folder;
  QuickLauncher launcher(
      folder, "[ $A = 1 ] && report 7; [ $A -lt 2 ] || exit 0; echo error: at $A >&2; kill -KILL $$",
      {"--ranks", "1", "--max-restarts", "5", "--log-dir", folder / "logs"});
  EXPECT_EQ(launcher.wait(), 0);
  std::vector<std::string> events;
  for (const json& line : supervisor_lines(folder)) events.push_back(line.at("event"));
  EXPECT_THAT(events, testing::ElementsAre("started", "rank_ended", "ended", "restarting",               //
                                           "started", "committed", "rank_ended", "ended", "restarting",  //
                                           "started", "rank_ended", "ended", "finished"));
  const std::vector<json> lines = supervisor_lines(folder);
  EXPECT_EQ(lines[1].at("signal"), "SIGKILL");
  EXPECT_EQ(lines[2].at("cause"), "failed");
  EXPECT_EQ(lines[2].at("message"), "rank 0 failed with signal 9 (SIGKILL): at 0");
  EXPECT_EQ(lines[5].at("step"), 7);
  EXPECT_EQ(lines[9].at("attempt"), 2);
  EXPECT_EQ(lines[12].at("cause"), "done");
  EXPECT_EQ(lines[12].at("restarts"), 2);
  EXPECT_EQ(json::parse(contents(folder / "logs/failure_g1.json")).at("committed_step"), 7);
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "logs"))
    files.push_back(entry.path().filename());
  EXPECT_THAT(files, testing::UnorderedElementsAre("failure_g0.json", "failure_g1.json", "rank_00000.log",
                                                   "supervisor_0.jsonl"));
  EXPECT_EQ(contents(folder / "logs/rank_00000.log"), "error: at 0\nerror: at 1\n");
}

TEST(Restarts, CrashLoopAndSignalAreRecordedAsTheCause) {
  for (const bool looping : {true, false}) {
    Folder folder;
    QuickLauncher launcher(folder, "exit 70",
                           {"--ranks", "1", "--max-restarts", "9", "--log-dir", folder / "logs"},
                           looping ? "10" : kNeverAgain);
    if (!looping) {
      ASSERT_TRUE(await([&] { return launcher.error().find("; restart 1 of 9") != std::string::npos; }));
      launcher.send(SIGTERM);
    }
    EXPECT_EQ(launcher.wait(), looping ? 70 : 3);
    const json last = supervisor_lines(folder).back();
    EXPECT_EQ(last.at("event"), "finished");
    EXPECT_EQ(last.at("cause"), looping ? "crash_loop" : "signal");
  }
}

/// A launcher whose program is a shell that removes itself, waits for $F/go and fails.
class VanishingProgram : public Launcher {
 public:
  explicit VanishingProgram(const Folder& folder)
      : Launcher(folder,
                 {"--ranks", "1", "--max-restarts", "3", "--log-dir", folder / "logs", "--", copied(folder),
                  "-c", "rm $F/program; echo r >$F/removed; until [ -s $F/go ]; do sleep 0.01; done; exit 3"},
                 {}, {}, {TANDEM_BINARY_DIR "/tests/quick_launcher", "200"}) {}

 private:
  static std::string copied(const Folder& folder) {
    std::filesystem::copy_file("/bin/sh", folder / "program");
    return folder / "program";
  }
};

TEST(Restarts, GoOnWhereAProgramCannotBeStartedForAWhile) {
  Folder folder;
  VanishingProgram launcher(folder);
  ASSERT_TRUE(await([&] { return folder.has("removed"); }));
  std::filesystem::copy_file("/bin/true", folder / "program");
  Descriptor writer(::open((folder / "program").c_str(), O_WRONLY | O_CLOEXEC));
  std::ofstream(folder / "go") << "go";
  const auto told = [&] {
    return launcher.error().find("Text file busy; restart 2 of 3") != std::string::npos;
  };
  EXPECT_TRUE(await([&] { return told() || launcher.ended(); }));
  writer.reset();
  EXPECT_EQ(launcher.wait(), 0) << launcher.error();
  EXPECT_EQ(supervisor_lines(folder).back().at("cause"), "done");
}

TEST(Restarts, ProgramThatIsGoneIsRecordedAsTheMistake) {
  Folder folder;
  VanishingProgram launcher(folder);
  std::ofstream(folder / "go") << "go";
  EXPECT_EQ(launcher.wait(), 2);
  EXPECT_THAT(launcher.error(),
              EndsWith("program' cannot be executed: No such file or directory; exit code 2 is not "
                       "retried; 1 of 3 restarts used\n"));
  const json last = supervisor_lines(folder).back();
  EXPECT_EQ(last.at("event"), "finished");
  EXPECT_EQ(last.at("cause"), "mistake");
}

TEST(Restarts, CommandLineAsksForThemAndWaitsASecond) {
  Folder folder;
  const auto begin = Clock::now();
  Launcher launcher(folder, {"--ranks", "1", "--max-restarts", "1", "--", "/bin/sh", "-c",
                             "exit $((70 * (1 - TORCHELASTIC_RESTART_COUNT)))"});
  EXPECT_EQ(launcher.wait(), 0);
  EXPECT_GE(Clock::now() - begin, std::chrono::seconds(1));
  EXPECT_THAT(
      launcher.error(),
      testing::MatchesRegex("launch: rank 0 failed with exit code 70; restart 1 of 1 in 1\\.[0-3] s\n"));
}

}  // namespace
}  // namespace tandem::launch
