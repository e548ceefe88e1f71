// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/interop/output_folder.h"
#include "tests/checkpoint/scratch_folder.h"

namespace tandem::interop {
namespace {

using checkpoint::names_in;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(OutputFolder, AppearsWholeOrNotAtAll) {
  const checkpoint::ScratchFolder scratch;
  {
    const OutputFolder output(scratch / "a");
    output.write("file", "text");
    EXPECT_THAT(names_in(scratch.path()), ElementsAre(".a.unfinished"));
  }
  EXPECT_THAT(names_in(scratch.path()), IsEmpty());
  OutputFolder output(scratch / "new" / "a" / "");
  output.write("file", "text");
  output.publish();
  EXPECT_THAT(names_in(scratch / "new"), ElementsAre("a"));
  EXPECT_EQ(checkpoint::bytes_of(scratch / "new" / "a" / "file"), "text");
}

TEST(OutputFolder, NothingIsOverwritten) {
  const checkpoint::ScratchFolder scratch;
  std::filesystem::create_directory(scratch / "folder");
  checkpoint::write_bytes(scratch / "file", "");
  std::filesystem::create_symlink("nowhere", scratch / "link");
  for (const char* name : {"folder", "file", "link"})
    EXPECT_THROW(OutputFolder{scratch / name}, InputError) << name;
  OutputFolder late(scratch / "late");
  std::filesystem::create_directory(scratch / "late");
  EXPECT_THROW(late.publish(), InputError);
}

TEST(OutputFolder, WhatAKilledProcessLeftIsTakenOver) {
  const checkpoint::ScratchFolder scratch;
  std::filesystem::create_directories(scratch / ".a.unfinished" / "step");
  checkpoint::write_bytes(scratch / ".a.unfinished" / "file", "old");
  OutputFolder output(scratch / "a");
  EXPECT_THAT(names_in(output.unfinished()), IsEmpty());
  output.publish();
  EXPECT_THAT(names_in(scratch.path()), ElementsAre("a"));
}

TEST(OutputFolder, OneProcessWritesIt) {
  const checkpoint::ScratchFolder scratch;
  const OutputFolder first(scratch / "a");
  EXPECT_THROW(OutputFolder{scratch / "a"}, EnvironmentError);
}

}  // namespace
}  // namespace tandem::interop
