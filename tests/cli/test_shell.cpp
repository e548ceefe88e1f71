// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "process.h"
#include "tandem/base/atomic_file.h"
#include "tandem/cli/command.h"

namespace tandem::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kFailing = TANDEM_BINARY_DIR "/tests/failing_program";

void expect_failure(const Finished& run, int code, const std::string& line) {
  EXPECT_EQ(run.code, code);
  EXPECT_EQ(run.err, "error: " + line + "\n");
  EXPECT_EQ(run.out, "");
}

TEST(Program, EveryKindOfFailureIsOneLineAndItsExitCode) {
  expect_failure(run_process({kFailing, "input"}), 2, "a key is wrong");
  expect_failure(run_process({kFailing, "environment"}), 3, "the disk is full");
  expect_failure(run_process({kFailing, "memory"}), 3, "out of memory; use smaller batches or more ranks");
  expect_failure(run_process({kFailing, "system"}), 3, "writing: No space left on device");
  expect_failure(run_process({kFailing, "foreign"}), 70, "unexpected: first line; please report this");
  expect_failure(
      run_process({kFailing, "foreign_memory"}), 3,
      "out of memory: DefaultCPUAllocator: can't allocate memory: 8 bytes; use smaller batches or more "
      "ranks");
  expect_failure(run_process({kFailing, "unknown"}), 70,
                 "unexpected: an exception of unknown kind; please report this");
  const Finished bug = run_process({kFailing, "bug"});
  EXPECT_EQ(bug.code, 70);
  EXPECT_THAT(bug.err,
              testing::MatchesRegex("error: .*failing_program.cpp:[0-9]+: .* does not hold: never; .*\n"));
}

TEST(Program, ReturnsTheBodysCode) {
  EXPECT_EQ(run_process({kFailing, "0"}).code, 0);
  EXPECT_EQ(run_process({kFailing, "17"}).code, 17);
}

TEST(Program, ABacktraceFollowsOnlyOnRequestAndShowsWhereItWasThrown) {
  const Finished run = run_process({kFailing, "foreign"}, {"TANDEM_BACKTRACE=1"});
  EXPECT_EQ(run.code, 70);
  EXPECT_THAT(run.err, StartsWith("error: unexpected: first line; please report this\n  #0 "));
  EXPECT_THAT(run.err, HasSubstr("tandem::cli::run_program"));
  EXPECT_THAT(run_process({kFailing, "foreign"}, {"TANDEM_BACKTRACE=0"}).err, Not(HasSubstr("#0")));
}

TEST(HandOver, RunsTandemTensorBesideTheProgramWithTheSameArguments) {
  std::string name = testing::TempDir() + "beside_XXXXXX";
  const fs::path folder = ::mkdtemp(name.data());
  fs::copy(kFailing, folder / "program");
  expect_failure(run_process({folder / "program", "hand_over"}), 3,
                 "cannot start " + (folder / "tandem-tensor").string() +
                     ": No such file or directory; build or install it beside tandem");
  write_file_atomically(folder / "tandem-tensor", "#!/bin/sh\nprintf '<%s>' \"$@\"\nexit 42\n");
  fs::permissions(folder / "tandem-tensor", fs::perms::owner_all);
  const Finished run = run_process({folder / "program", "hand_over", "a b", "", "--c"});
  EXPECT_EQ(run.code, 42);
  EXPECT_EQ(run.out, "<hand_over><a b><><--c>");
  fs::remove_all(folder);
}

TEST(Tandem, HelpListsExactlyTheCommandsThereAre) {
  const Finished help = run_tandem({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.err, "");
  std::string listed;
  for (const Command& command : all_commands())
    listed += "  " + command.name + "[ ]+" + command.summary + "\n";
  const size_t start = help.out.find("Subcommands:\n");
  ASSERT_NE(start, std::string::npos);
  EXPECT_THAT(help.out.substr(start), testing::ContainsRegex("^Subcommands:\n" + listed + "\n$"));
}

TEST(Tandem, EveryCommandHasHelp) {
  for (const Command& command : all_commands()) {
    const Finished help = run_tandem({command.name, "--help"});
    EXPECT_EQ(help.code, 0) << command.name << ": " << help.err;
    EXPECT_THAT(help.out, HasSubstr("Usage: tandem " + command.name));
  }
}

TEST(Tandem, PrintsItsVersion) {
  const Finished run = run_tandem({"--version"});
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.out,
              testing::MatchesRegex(R"(tandem [0-9]+\.[0-9]+\.[0-9]+\+(g[0-9a-f]+(\.modified)?|unknown)
)"));
}

TEST(Tandem, UnknownWordsNameTheNearestKnownOne) {
  expect_failure(run_tandem({"confg"}), 2,
                 "unknown command 'confg' of tandem; the nearest is config; see tandem --help");
  expect_failure(run_tandem({"config", "kyes"}), 2,
                 "unknown command 'kyes' of tandem config; the nearest is keys; see tandem config --help");
  expect_failure(
      run_tandem({"config", "show", "--confg=x"}), 2,
      "unknown flag --confg of tandem config show; the nearest is --config; see tandem config show --help");
  expect_failure(run_tandem({"--versoin"}), 2,
                 "unknown flag --versoin of tandem; the nearest is --version; see tandem --help");
  expect_failure(run_tandem({"config", "keys", "extra"}), 2,
                 "tandem config keys takes no further argument 'extra'; see tandem config keys --help");
}

TEST(Tandem, AMissingCommandOrFlagIsNamed) {
  EXPECT_THAT(run_tandem({}).err, StartsWith("error: tandem needs a command: "));
  EXPECT_EQ(run_tandem({}).code, 2);
  expect_failure(run_tandem({"config"}), 2,
                 "tandem config needs a command: show, keys; see tandem config --help");
  expect_failure(run_tandem({"config", "show"}), 2, "--config is required; see tandem config show --help");
  EXPECT_EQ(run_tandem({"config", "show", "--config"}).code, 2);
}

TEST(Tandem, DoesNotLoadLibtorch) {
  const std::string linked = run_tandem({"--help"}, {"LD_TRACE_LOADED_OBJECTS=1"}).out;
  EXPECT_THAT(linked, HasSubstr("libc.so"));
  EXPECT_THAT(linked, Not(testing::ContainsRegex("lib(torch|c10)")));
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"--help"}, {"config", "keys"}}) {
    const std::string loaded = run_tandem(arguments, {"LD_DEBUG=files"}).err;
    EXPECT_THAT(loaded, HasSubstr("libc.so"));
    EXPECT_THAT(loaded, Not(testing::ContainsRegex("lib(torch|c10)")));
  }
}

TEST(Tandem, AFullOutputIsAFailure) {
  const Finished run = run_process({TANDEM_BINARY_DIR "/tandem", "config", "keys"}, {}, "/dev/full");
  EXPECT_EQ(run.code, 3);
  EXPECT_THAT(run.err, HasSubstr("No space left on device"));
}

TEST(TandemTensor, RefusesWhatWasNotHandedOver) {
  const std::string program = TANDEM_BINARY_DIR "/tandem-tensor";
  if (!fs::exists(program)) GTEST_SKIP() << "built without libtorch";
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{program}, {program, "--help"}, {program, "config", "keys"}})
    expect_failure(run_process(arguments), 2,
                   "tandem-tensor only runs what tandem hands over to it; call tandem, see tandem --help");
}

}  // namespace
}  // namespace tandem::cli
