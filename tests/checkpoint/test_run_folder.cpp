// SPDX-License-Identifier: Apache-2.0
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch_folder.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/run_folder.h"

namespace tandem::checkpoint {
namespace {

using testing::AllOf;
using testing::HasSubstr;

template <class Kind>
std::string error_of(const std::filesystem::path& folder) {
  try {
    RunFolder::open(folder);
  } catch (const Kind& error) {
    return error.what();
  }
  return "opened";
}

TEST(RunFolder, KeepsItsIdAndCountsStarts) {
  const ScratchFolder scratch;
  std::string id;
  for (int64_t start = 0; start < 3; ++start) {
    const RunFolder run = RunFolder::open(scratch / "a" / "run");
    if (start == 0) id = run.identity().run_id;
    EXPECT_EQ(run.identity().run_id, id);
    EXPECT_EQ(run.identity().generation, start);
  }
  EXPECT_EQ(id.size(), 32u);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(RunFolder::open(scratch / "b").identity().run_id, id);
}

TEST(RunFolder, ASecondRunIsRefusedAndToldWhoHoldsTheFolder) {
  const ScratchFolder scratch;
  {
    const RunFolder run = RunFolder::open(scratch / "run");
    EXPECT_THAT(error_of<EnvironmentError>(scratch / "run"),
                AllOf(HasSubstr((scratch / "run").string()),
                      HasSubstr(fmt::format("in use by process {}", ::getpid()))));
    EXPECT_EQ(run.identity().generation, 0);
  }
  EXPECT_EQ(RunFolder::open(scratch / "run").identity().generation, 1);  // the refused one did not count
}

TEST(RunFolder, AHoldIsHandedOnByMoving) {
  const ScratchFolder scratch;
  RunFolder first = RunFolder::open(scratch.path());
  const RunFolder second = std::move(first);
  EXPECT_THAT(error_of<EnvironmentError>(scratch.path()), HasSubstr("in use"));
}

TEST(RunFolder, TheHoldOfAKilledProcessEnds) {
  const ScratchFolder scratch;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const RunFolder run = RunFolder::open(scratch.path());
    if (::write(ready[1], "x", 1) == 1) ::pause();
    ::_exit(1);
  }
  char byte;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_THAT(error_of<EnvironmentError>(scratch.path()), HasSubstr(fmt::format("process {} on", child)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(RunFolder::open(scratch.path()).identity().generation, 1);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(RunFolder, StepsElsewhereAreLockedAndFoundThroughTheRun) {
  const ScratchFolder scratch;
  EXPECT_EQ(checkpoints_of_run(scratch / "run"), scratch / "run" / "checkpoints");
  EXPECT_FALSE(identity_of_run(scratch / "run"));
  const RunFolder run = RunFolder::open(scratch / "run", scratch / "steps");
  EXPECT_EQ(checkpoints_of_run(scratch / "run"), scratch / "steps");
  EXPECT_EQ(identity_of_run(scratch / "run")->run_id, run.identity().run_id);
  try {
    RunFolder::open(scratch / "other", scratch / "steps");
    FAIL() << "opened";
  } catch (const EnvironmentError& error) {
    EXPECT_THAT(error.what(),
                AllOf(HasSubstr("steps: is in use"), HasSubstr("choose another checkpoint.directory")));
  }
  EXPECT_FALSE(std::filesystem::exists(scratch / "other"));
}

TEST(RunFolder, MayHoldItsStepsItself) {
  const ScratchFolder scratch;
  RunFolder::open(scratch.path(), scratch.path());
  EXPECT_EQ(checkpoints_of_run(scratch.path()), scratch.path());
}

TEST(RunFolder, APathThatCannotBeAFolderIsTheUsersToMend) {
  const ScratchFolder scratch;
  write_bytes(scratch / "file", "");
  for (const char* name : {"file", "file/run"})
    EXPECT_THAT(error_of<InputError>(scratch.path() / name),
                AllOf(HasSubstr((scratch.path() / name).string()), HasSubstr("Not a directory"),
                      HasSubstr("choose another run_directory")));
}

TEST(RunFolder, ADamagedIdentityIsNamedAndLeftAlone) {
  const ScratchFolder scratch;
  RunFolder::open(scratch.path());
  for (const char* text :
       {"", "{", "{}", R"({"format": {"major": 1, "minor": 0}, "run_id": 3, "generation": 0})",
        R"({"format": {"major": 1, "minor": 0}, "run_id": "a", "generation": 9223372036854775807})"}) {
    write_bytes(scratch / "run.json", text);
    EXPECT_THAT(error_of<EnvironmentError>(scratch.path()), HasSubstr((scratch / "run.json").string()));
    EXPECT_EQ(bytes_of(scratch / "run.json"), text);
  }
  write_bytes(scratch / "run.json", R"({"format": {"major": 2, "minor": 0}})");
  EXPECT_THAT(error_of<InputError>(scratch.path()), HasSubstr("is of format 2"));
}

}  // namespace
}  // namespace tandem::checkpoint
