// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tandem/base/error.h"
#include "tandem/launch/supervisor_log.h"
#include "tests/launch/launcher.h"

namespace tandem::launch {
namespace {

using nlohmann::json;

/// A console that ends nowhere.
struct Sink {
  Descriptor null{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  Console console{{.output = null.get(), .error = null.get()}};
};

Incarnation killed() {
  const RankEnding cause{
      .rank = 2, .ending = {.signal = SIGKILL}, .last_words = "bad \xff byte", .seconds = 1.5};
  return {.result = {.exit_code = 3, .message = "rank 2 failed with signal 9 (SIGKILL)"},
          .outcome = Outcome::kFailed,
          .committed = 40,
          .cause = cause,
          .endings = {cause, {.rank = 0, .ending = {.exit_code = 3}, .seconds = 1.75}},
          .seconds = 2,
          .stop_seconds = 0.5};
}

TEST(SupervisorLog, LinesAreAppendedAndCarryTheirTime) {
  Folder folder;
  Sink sink;
  for (int launch = 0; launch < 2; ++launch)
    SupervisorLog({.folder = folder / "logs/deep", .node = 3}, sink.console)
        .write("started", {{"attempt", launch}});
  std::istringstream lines(contents(folder / "logs/deep/supervisor_3.jsonl"));
  int launch = 0;
  for (std::string line; std::getline(lines, line); ++launch) {
    const json entry = json::parse(line);
    EXPECT_THAT(entry.at("time").get<std::string>(),
                testing::MatchesRegex("20[0-9-]*T[0-9:]*\\.[0-9][0-9][0-9]Z"));
    EXPECT_EQ(entry.at("event"), "started");
    EXPECT_EQ(entry.at("attempt"), launch);
  }
  EXPECT_EQ(launch, 2);
}

TEST(SupervisorLog, FailureIsStoredWithItsCauseAndAllRanks) {
  Folder folder;
  Sink sink;
  SupervisorLog({.folder = folder / "", .node = 0}, sink.console).write_failure(7, killed());
  const json report = json::parse(contents(folder / "failure_g7.json"));
  const json cause = {{"kind", "failed"},
                      {"rank", 2},
                      {"signal", "SIGKILL"},
                      {"message", "rank 2 failed with signal 9 (SIGKILL)"}};
  EXPECT_EQ(report.at("cause"), cause);
  const json other = {{"rank", 0}, {"exit_code", 3}, {"seconds", 1.75}, {"last_words", ""}};
  EXPECT_EQ(report.at("ranks").at(1), other);
  const json seconds = {{"run", 2.0}, {"stop", 0.5}};
  EXPECT_EQ(report.at("seconds"), seconds);
  EXPECT_EQ(report.at("ranks").at(1),
            json::parse(R"({"rank": 0, "exit_code": 3, "seconds": 1.75, "last_words": ""})"));
  EXPECT_EQ(report.at("seconds"), json::parse(R"({"run": 2.0, "stop": 0.5})"));
  EXPECT_EQ(report.at("committed_step"), 40);
  EXPECT_EQ(report.at("attempt"), 7);
  EXPECT_EQ(report.at("node"), 0);
}

TEST(SupervisorLog, NoReportOfAFailureIsOverwritten) {
  Folder folder;
  Sink sink;
  for (const int node : {0, 1, 0, 0})
    SupervisorLog({.folder = folder / "", .node = node}, sink.console).write_failure(0, killed());
  for (const char* name :
       {"failure_g0.json", "failure_g0_2.json", "failure_g0_3.json", "failure_g0_node1.json"})
    EXPECT_TRUE(folder.has(name)) << name;
}

TEST(SupervisorLog, WithoutAFolderNothingIsWritten) {
  Sink sink;
  SupervisorLog log({}, sink.console);
  log.write("started", nlohmann::ordered_json::object());
  log.write_failure(0, killed());
  EXPECT_TRUE(sink.console.flushed());
}

TEST(SupervisorLog, FolderThatCannotBeHadIsRefusedNamingIt) {
  Sink sink;
  EXPECT_THROW(SupervisorLog({.folder = "/proc/nosuch"}, sink.console), InputError);
}

TEST(SupervisorLog, FolderThatGoesAwayIsToldAndThatIsAll) {
  Folder folder;
  Sink sink;
  SupervisorLog log({.folder = folder / "logs"}, sink.console);
  std::filesystem::remove_all(folder / "logs");
  log.write("started", nlohmann::ordered_json::object());
  EXPECT_TRUE(sink.console.flushed());
  log.write_failure(0, killed());
  EXPECT_FALSE(sink.console.flushed());
}

}  // namespace
}  // namespace tandem::launch
