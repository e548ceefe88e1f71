// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scratch_folder.h"
#include "tandem/base/crc32c.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/shard_file.h"
#include "thread_ranks.h"

namespace tandem::checkpoint {
namespace {

using testing::HasSubstr;

constexpr int64_t kChunk = 64;
const ShardLabel kLabel{.step = 3, .generation = 1, .writer = 4};

std::string safetensors(const std::string& header, size_t data_bytes) {
  std::string text(8, '\0');
  const uint64_t length = header.size();
  std::memcpy(text.data(), &length, 8);
  return text + header + std::string(data_bytes, 'x');
}

std::string error_of_opening(const std::filesystem::path& path) {
  try {
    ShardFile::open(path);
  } catch (const EnvironmentError& error) {
    return error.what();
  }
  return "opened";
}

TEST(ShardFile, ReadsWhatWasWritten) {
  const ScratchFolder scratch;
  const std::vector<float> weights{1, 2, 3, 4, 5, 6};
  const std::vector<double> scalar{0.5};
  const std::vector<NewEntry> entries{
      {.name = "w", .shape = {2, 3}, .bytes = std::as_bytes(std::span(weights))},
      {.name = "s", .type = DataType::kF64, .shape = {}, .bytes = std::as_bytes(std::span(scalar))}};
  const WrittenShard written = write_shard(scratch / "a.safetensors", kLabel, entries, kChunk);
  const ShardFile shard = ShardFile::open(scratch / "a.safetensors");
  EXPECT_EQ(static_cast<uintmax_t>(written.file_bytes),
            std::filesystem::file_size(scratch / "a.safetensors"));
  EXPECT_EQ(shard.metadata(), metadata_of(kLabel));
  ASSERT_EQ(shard.entries().size(), 2u);
  EXPECT_EQ(shard.entries().at("w"),
            (ShardEntry{.shape = {2, 3}, .position = written.data_begin, .bytes = 24}));
  EXPECT_EQ(written.data_begin % 8, 0);
  const std::string bytes = bytes_of(scratch / "a.safetensors");
  ASSERT_EQ(written.chunk_sums.size(), (bytes.size() + kChunk - 1) / kChunk);
  for (size_t chunk = 0; chunk < written.chunk_sums.size(); ++chunk)
    EXPECT_EQ(written.chunk_sums[chunk],
              crc32c(std::as_bytes(std::span(std::string_view(bytes).substr(chunk * kChunk, kChunk)))));
  std::vector<float> last(2);
  shard.read_at(written.data_begin + 16, std::as_writable_bytes(std::span(last)));
  EXPECT_EQ(last, (std::vector<float>{5, 6}));
  double read = 0;
  shard.read_at(shard.entries().at("s").position, std::as_writable_bytes(std::span(&read, 1)));
  EXPECT_EQ(read, 0.5);
}

TEST(ShardFile, NothingIsOverwritten) {
  const ScratchFolder scratch;
  write_bytes(scratch / "a", "old");
  EXPECT_THROW(write_shard(scratch / "a", kLabel, {}, kChunk), EnvironmentError);
  EXPECT_EQ(bytes_of(scratch / "a"), "old");
}

TEST(ShardFile, EachCutIsRefused) {
  const ScratchFolder scratch;
  const std::vector<float> weights{1, 2, 3};
  const std::vector<NewEntry> entries{
      {.name = "w", .shape = {3}, .bytes = std::as_bytes(std::span(weights))}};
  write_shard(scratch / "whole", kLabel, entries, kChunk);
  const std::string whole = bytes_of(scratch / "whole");
  for (size_t length = 0; length < whole.size(); ++length) {
    write_bytes(scratch / "cut", whole.substr(0, length));
    EXPECT_THAT(error_of_opening(scratch / "cut"), HasSubstr((scratch / "cut").string())) << length;
  }
  write_bytes(scratch / "longer", whole + "x");
  EXPECT_THAT(error_of_opening(scratch / "longer"), HasSubstr("its header describes"));
}

TEST(ShardFile, ForeignAndLyingHeadersAreRefused) {
  const ScratchFolder scratch;
  const std::string entry = R"("w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]})";
  const std::vector<std::pair<std::string, std::string>> cases{
      {safetensors("{" + entry + "}", 12), "opened"},
      {safetensors("[1]", 0), "is not a safetensors file"},
      {safetensors("{" + entry, 12), "not JSON"},
      {safetensors("{" + entry + "," + entry + "}", 12), "twice"},
      {safetensors("{" + entry + "}", 11), "has 74 bytes, its header describes 75"},
      {safetensors(R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[4,16]}})", 16),
       "leave a hole or overlap"},
      {safetensors(R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8), "make 12 bytes"},
      {safetensors(R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[12,0]}})", 8), "make 12 bytes"},
      {safetensors(R"({"w":{"dtype":"F8","shape":[3],"data_offsets":[0,3]}})", 3), "unknown dtype 'F8'"},
      {safetensors(R"({"w":{"dtype":"F32","shape":[-3],"data_offsets":[0,12]}})", 12), "no list of sizes"},
      {safetensors(R"({"w":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,12]}})", 12),
       "absurd"},
      {safetensors(R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12],"x":1}})", 12),
       "'x' is not known"},
      {safetensors(R"({"w":{"dtype":"F32","shape":[3]}})", 12), "'data_offsets' is missing"},
      {safetensors(R"({"w":7})", 0), "is no JSON object"},
      {safetensors("{\"w\":" + std::string(90, '[') + std::string(90, ']') + "}", 0), "nested deeper"},
      {std::string("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10), "which its 10 bytes cannot hold"},
      {"PK", "too short"}};
  for (const auto& [bytes, expected] : cases) {
    write_bytes(scratch / "file", bytes);
    EXPECT_THAT(error_of_opening(scratch / "file"), HasSubstr(expected));
  }
}

TEST(ShardFile, LinksAndFoldersAreNoShards) {
  const ScratchFolder scratch;
  write_bytes(scratch / "real", safetensors("{}", 0));
  EXPECT_EQ(error_of_opening(scratch / "real"), "opened");
  std::filesystem::create_symlink("real", scratch / "link");
  EXPECT_THAT(error_of_opening(scratch / "link"), HasSubstr("cannot open it"));
  EXPECT_THAT(error_of_opening(scratch.path()), HasSubstr("is not a regular file"));
}

TEST(ShardFile, AFileCutWhileOpenIsAnError) {
  const ScratchFolder scratch;
  const std::vector<float> weights(1000);
  const std::vector<NewEntry> entries{
      {.name = "w", .shape = {1000}, .bytes = std::as_bytes(std::span(weights))}};
  const WrittenShard written = write_shard(scratch / "a", kLabel, entries, kChunk);
  const ShardFile shard = ShardFile::open(scratch / "a");
  std::filesystem::resize_file(scratch / "a", 1000);
  std::vector<std::byte> out(4000);
  EXPECT_THROW(shard.read_at(written.data_begin, out), EnvironmentError);
}

}  // namespace
}  // namespace tandem::checkpoint
