// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csignal>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch_folder.h"
#include "stored_model.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/names.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/step_folders.h"
#include "thread_ranks.h"

namespace tandem::checkpoint {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kRanks = 4;
const StoredLayout kLayout{.mesh = {.data = 4, .pipeline = 1, .tensor = 1}};

// Saves step 1 on four ranks and returns what each rank threw. `change` may spoil a rank's pieces, `meddle`
// runs on each rank once the unfinished folder is there.
struct Attempt {
  std::function<void(int rank, std::vector<Piece>&)> change = [](int, std::vector<Piece>&) {};
  std::function<void(int rank, const fs::path& unfinished)> meddle = [](int, const fs::path&) {};

  std::vector<std::exception_ptr> run(const fs::path& folder) const {
    const StepDescription description = described_step(1, kLayout);
    return run_ranks(kRanks, [&](ThreadRank& rank) {
      StoredState state = state_of(kLayout, rank.rank());
      change(rank.rank(), state.pieces);
      rank.after_broadcast = [&](int number) {
        if (number == 1) meddle(rank.rank(), folder / unfinished_folder_name(1, description.generation));
      };
      save_step({.folder = folder, .description = description, .tensors = stored_tensors(1)}, state.pieces,
                rank);
    });
  }
};

template <class Kind>
bool all_are(const std::vector<std::exception_ptr>& thrown) {
  return std::ranges::all_of(thrown, [](const std::exception_ptr& exception) {
    if (!exception) return false;
    try {
      std::rethrow_exception(exception);
    } catch (const Kind&) {
      return true;
    } catch (...) {
      return false;
    }
  });
}

std::vector<std::string> messages_of(const std::vector<std::exception_ptr>& thrown) {
  std::vector<std::string> messages;
  for (const auto& exception : thrown) messages.push_back(message_of(exception));
  return messages;
}

TEST(Failures, ARankThatCannotWriteFailsAllAndLeavesNothing) {
  const ScratchFolder scratch;
  const std::string name = shard_file_name({.generation = 2, .rank = 2});
  const auto thrown = Attempt{.meddle = [&](int rank, const fs::path& unfinished) {
                        if (rank == 2) fs::create_directory(unfinished / name);
                      }}.run(scratch.path());
  EXPECT_TRUE(all_are<EnvironmentError>(thrown));
  EXPECT_THAT(messages_of(thrown), Each(AllOf(HasSubstr("step 1 is not saved, rank 2: "), HasSubstr(name),
                                              HasSubstr("File exists"))));
  EXPECT_THAT(names_in(scratch.path()), IsEmpty());
}

TEST(Failures, RankZeroFailingFailsAll) {
  const ScratchFolder scratch;
  write_bytes(scratch / "file", "");
  const auto at_start = Attempt{}.run(scratch / "file" / "checkpoints");
  EXPECT_TRUE(all_are<EnvironmentError>(at_start));
  EXPECT_THAT(messages_of(at_start),
              Each(AllOf(HasSubstr("cannot create the folder"), HasSubstr("Not a directory"))));
  const auto at_the_end = Attempt{.meddle = [&](int rank, const fs::path& unfinished) {
                            if (rank == 0) fs::create_directory(unfinished / Manifest::kFileName);
                          }}.run(scratch / "checkpoints");
  EXPECT_TRUE(all_are<EnvironmentError>(at_the_end));
  EXPECT_THAT(messages_of(at_the_end), Each(AllOf(HasSubstr("manifest.json"), HasSubstr("File exists"))));
  EXPECT_THAT(names_in(scratch / "checkpoints"), IsEmpty());
}

TEST(Failures, PiecesThatDoNotCoverTheModelAreNeverPublished) {
  const auto message_after = [](const std::function<void(int, std::vector<Piece>&)>& change) {
    const ScratchFolder scratch;
    const auto thrown = Attempt{.change = change}.run(scratch.path());
    EXPECT_TRUE(all_are<BugError>(thrown));
    EXPECT_THAT(names_in(scratch.path()), IsEmpty());
    return message_of(thrown[3]);
  };
  EXPECT_THAT(message_after([](int rank, std::vector<Piece>& pieces) {
                if (rank == 1) pieces.pop_back();
              }),
              HasSubstr("slices cover"));
  EXPECT_THAT(message_after([](int rank, std::vector<Piece>& pieces) {
                if (rank == 1) pieces.push_back(pieces.front());
              }),
              HasSubstr("overlap"));
  EXPECT_THAT(message_after([](int rank, std::vector<Piece>& pieces) {
                if (rank == 1) pieces.front().values[1] = std::span<const std::byte>();
              }),
              HasSubstr("step 1 is not saved, rank 1"));
  EXPECT_THAT(message_after([](int rank, std::vector<Piece>& pieces) {
                if (rank == 1) pieces.front().tensor = 99;
              }),
              HasSubstr("step 1 is not saved, rank 1"));
}

TEST(Failures, RanksThatSaveDifferentRunsAreFound) {
  const ScratchFolder scratch;
  const auto thrown = run_ranks(kRanks, [&](ThreadRank& rank) {
    StepDescription description = described_step(1, kLayout);
    if (rank.rank() == 1) description.run_id = "other";
    save_step({.folder = scratch.path(), .description = description, .tensors = stored_tensors(1)},
              state_of(kLayout, rank.rank()).pieces, rank);
  });
  EXPECT_TRUE(all_are<BugError>(thrown));
  EXPECT_THAT(messages_of(thrown), Each(HasSubstr("of run other")));
  EXPECT_THAT(names_in(scratch.path()), IsEmpty());
}

TEST(Failures, AStepThatNoReaderWouldTakeIsNeverPublished) {
  const ScratchFolder scratch;
  StepDescription description = described_step(1, {});
  description.next_sample = -1;
  EXPECT_THROW(save_model(scratch.path(), description, {}), BugError);
  EXPECT_THAT(names_in(scratch.path()), IsEmpty());
}

TEST(Failures, WhatAnInterruptedSaveLeftIsNoStepAndGoesWithTheNextSave) {
  const ScratchFolder scratch;
  const fs::path leftover = scratch / unfinished_folder_name(1, 0);
  fs::create_directory(leftover);
  write_bytes(leftover / "g00000000_w00000_p000.safetensors", "half");
  EXPECT_THAT(find_steps(scratch.path()), IsEmpty());
  save_model(scratch.path(), described_step(1, kLayout), kLayout);
  EXPECT_EQ(names_in(scratch.path()), (std::vector<std::string>{"step_00000001"}));
}

TEST(Failures, AWholeStepIsNotSavedAgain) {
  const ScratchFolder scratch;
  const fs::path step = save_model(scratch.path(), described_step(1, kLayout), kLayout);
  const std::string manifest = bytes_of(step / Manifest::kFileName);
  const auto thrown = Attempt{}.run(scratch.path());
  EXPECT_TRUE(all_are<InputError>(thrown));
  EXPECT_THAT(messages_of(thrown), Each(AllOf(HasSubstr(step.string()), HasSubstr("saved already"))));
  EXPECT_EQ(bytes_of(step / Manifest::kFileName), manifest);
  EXPECT_EQ(names_in(scratch.path()), (std::vector<std::string>{"step_00000001"}));
}

TEST(Failures, ADamagedStepIsPutAsideForANewOne) {
  const ScratchFolder scratch;
  for (int round = 0; round < 3; ++round) {
    const fs::path step = save_model(scratch.path(), described_step(1, kLayout), kLayout);
    EXPECT_EQ(StepReader::open(scratch.path()).folder(), step);
    fs::resize_file(step / shard_file_name({.generation = 2, .rank = 0}), 100 + round);
  }
  EXPECT_EQ(names_in(scratch.path()),
            (std::vector<std::string>{"step_00000001", "void_step_00000001_0", "void_step_00000001_1"}));
}

TEST(Failures, AFileSizeLimitFailsAllRanksAndLeavesTheOldStep) {
  const ScratchFolder scratch;
  save_model(scratch.path(), described_step(0, kLayout), kLayout);
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit low{.rlim_cur = 2000, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &low), 0);
  const auto thrown = Attempt{}.run(scratch.path());
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(all_are<EnvironmentError>(thrown));
  EXPECT_THAT(messages_of(thrown), Each(HasSubstr("cannot write it: File too large")));
  EXPECT_EQ(names_in(scratch.path()), (std::vector<std::string>{"step_00000000"}));
  EXPECT_EQ(StepReader::open(scratch.path()).manifest().description.step, 0);
}

// Runs in a child process with a file system of its own at `folder`; returns the exit code.
int fill_small_disk(const fs::path& folder) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=128k") != 0)
    return 77;
  save_model(folder, described_step(0, kLayout), kLayout);
  write_bytes(folder / "ballast", std::string(100 * 1024, 'x'));  // leaves room for a part of a step
  const auto thrown = Attempt{}.run(folder);
  if (!all_are<EnvironmentError>(thrown)) return 1;
  for (const std::string& message : messages_of(thrown))
    if (message.find("No space left on device") == std::string::npos) return 2;
  if (names_in(folder) != std::vector<std::string>{"ballast", "step_00000000"}) return 3;
  if (StepReader::open(folder).manifest().description.step != 0) return 4;
  fs::remove(folder / "ballast");
  if (std::ranges::any_of(Attempt{}.run(folder), [](const auto& exception) { return exception != nullptr; }))
    return 5;
  return StepReader::open(folder).manifest().description.step == 1 ? 0 : 6;
}

TEST(Failures, AFullDiskFailsAllRanksAndLeavesTheOldStep) {
  const ScratchFolder scratch;
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 9;
    try {
      code = fill_small_disk(scratch.path());
    } catch (...) {
    }
    ::_exit(code);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "this user may not mount a small file system";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace tandem::checkpoint
