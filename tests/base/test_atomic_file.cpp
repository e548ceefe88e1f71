// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tandem/base/atomic_file.h"
#include "tandem/base/content_hash.h"
#include "tandem/base/descriptor.h"
#include "tandem/base/error.h"

namespace tandem {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class AtomicFile : public testing::Test {
 protected:
  AtomicFile() {
    std::string name = testing::TempDir() + "atomic_XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~AtomicFile() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  size_t files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator{}));
  }

 private:
  std::string folder_;
};

TEST_F(AtomicFile, ReplacesAFileWholeAndLeavesNothingElse) {
  const std::string zeros(1 << 20, '\0');
  write_file_atomically(path("a"), "first");
  EXPECT_EQ(read_file(path("a")), "first");
  write_file_atomically(path("a"), zeros);
  EXPECT_EQ(read_file(path("a")), zeros);
  write_file_atomically(path("a"), "");
  EXPECT_EQ(read_file(path("a")), "");
  EXPECT_EQ(files(), 1u);
}

TEST_F(AtomicFile, WhatAKilledProcessOfTheSameIdLeftIsNotInTheWay) {
  write_file_atomically(path("a"), "first");
  // Ids come again, in a container at each start, and each process counts its files from 0.
  constexpr size_t kLeft = 1000;
  for (size_t number = 0; number < kLeft; ++number)
    std::ofstream(path(fmt::format("b.{}.{}.tmp", ::getpid(), number))) << "left";
  for (const char* name : {"b.json", "b.1.x.tmp", "b.tmp", "bb.1.2.tmp"}) std::ofstream(path(name)) << "";
  write_file_atomically(path("b"), "second");
  EXPECT_EQ(read_file(path("b")), "second");
  EXPECT_EQ(files(), kLeft + 6);
  remove_interrupted_writes(path("b"));
  EXPECT_EQ(files(), 6u);
  EXPECT_EQ(read_file(path("b")), "second");
}

TEST_F(AtomicFile, NamesPathAndReasonOfAFailure) {
  try {
    write_file_atomically(path("none/a"), "x");
    FAIL();
  } catch (const EnvironmentError& error) {
    EXPECT_THAT(error.what(), HasSubstr(path("none/a") + ": No such file or directory"));
  }
}

TEST_F(AtomicFile, AFailedWriteLeavesTheOldFileAndNoTemporaryOne) {
  fs::create_directory(path("folder"));
  EXPECT_THROW(write_file_atomically(path("folder"), "x"), EnvironmentError);
  EXPECT_TRUE(fs::is_directory(path("folder")));
  EXPECT_EQ(files(), 1u);
}

TEST_F(AtomicFile, ReplacesALinkAndNotItsTarget) {
  write_file_atomically(path("target"), "kept");
  fs::create_symlink(path("target"), path("link"));
  write_file_atomically(path("link"), "new");
  EXPECT_EQ(read_file(path("target")), "kept");
  EXPECT_FALSE(fs::is_symlink(path("link")));
}

TEST_F(AtomicFile, WritersAtOnceLeaveOneWholeFile) {
  std::vector<std::thread> writers;
  for (char c = 'a'; c < 'e'; ++c)
    writers.emplace_back([this, c] {
      for (int i = 0; i < 5; ++i) write_file_atomically(path("shared"), std::string(100000, c));
    });
  for (std::thread& writer : writers) writer.join();
  const std::string bytes = read_file(path("shared"));
  ASSERT_EQ(bytes.size(), 100000u);
  EXPECT_EQ(bytes, std::string(100000, bytes[0]));
  EXPECT_EQ(files(), 1u);
}

TEST_F(AtomicFile, APathThatLeadsToNoFileIsTheUsersToMend) {
  write_file_atomically(path("file"), "x");
  fs::create_symlink("loop", path("loop"));
  for (const std::string name : {"missing", "", "file/below", "loop"})
    EXPECT_THROW(read_file(path(name)), InputError) << name;
  EXPECT_THROW(read_file(path(std::string(300, 'n'))), InputError);
}

TEST(UserMistake, IsWhatAnotherPathOrAccessMends) {
  for (const int error : {ENOENT, ENOTDIR, EISDIR, ELOOP, ENAMETOOLONG, EACCES, EPERM})
    EXPECT_THROW(throw_unreadable("a", error), InputError) << error;
  for (const int error : {EIO, ENOMEM, EMFILE, ESTALE, ENOSPC, EROFS})
    EXPECT_THROW(throw_unreadable("a", error), EnvironmentError) << error;
}

TEST_F(AtomicFile, FoldersAreSyncedOrNamed) {
  EXPECT_NO_THROW(sync_folder(path("")));
  EXPECT_THROW(sync_folder(path("none")), EnvironmentError);
  EXPECT_EQ(folder_of("a/b"), "a");
  EXPECT_EQ(folder_of("/b"), "/");
  EXPECT_EQ(folder_of("b"), ".");
}

TEST(WriteAll, SaysWhyItFailed) {
  const Descriptor full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  EXPECT_EQ(write_all(full.get(), "x"), ENOSPC);
  EXPECT_EQ(write_all(full.get(), ""), 0);
  EXPECT_EQ(write_all(-1, "x"), EBADF);
}

TEST(ContentHash, IsXxh3In32Digits) {
  EXPECT_EQ(content_hash(""), "99aa06d3014798d86001c324468d497f");
  EXPECT_NE(content_hash("a"), content_hash("b"));
}

}  // namespace
}  // namespace tandem
