// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "scratch_folder.h"
#include "tandem/base/error.h"
#include "tandem/data/token_index.h"
#include "tandem/data/token_index_writer.h"

namespace tandem::data {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Documents = std::vector<std::vector<std::vector<int32_t>>>;

const Documents kGolden = {{{5, 6, 1}, {7, 1}}, {{300, 2, 3, 1}}};

void write_index(const std::string& prefix, const Documents& documents, TokenType type = TokenType::kU16) {
  TokenIndexWriter writer({.bin = prefix + ".bin", .idx = prefix + ".idx"}, type);
  for (const auto& document : documents) {
    for (const auto& sequence : document) writer.add_sequence(sequence);
    writer.end_document();
  }
  writer.finish();
}

template <class... Values>
std::string bytes(Values... values) {
  std::string result;
  (result.append(reinterpret_cast<const char*>(&values), sizeof values), ...);
  return result;
}

std::string header(uint64_t version, uint8_t code, uint64_t sequences) {
  return std::string("MMIDIDX\0\0", 9) + bytes(version, code, sequences);
}

TEST(TokenIndexWriter, BytesAreThoseOfMegatron) {
  const ScratchFolder folder;
  write_index(folder / "golden", kGolden);
  const std::string idx = folder.read("golden.idx");
  EXPECT_EQ(idx.size(), 94u);
  EXPECT_EQ(idx, header(1, 8, 3) + bytes(uint64_t{3}) +  // token type u16, 3 sequences, 2 documents + 1
                     bytes(int32_t{3}, int32_t{2}, int32_t{4}) +   // lengths
                     bytes(int64_t{0}, int64_t{6}, int64_t{10}) +  // byte offsets
                     bytes(int64_t{0}, int64_t{2}, int64_t{3}));   // document index
  EXPECT_EQ(folder.read("golden.bin"), bytes(uint16_t{5}, uint16_t{6}, uint16_t{1}, uint16_t{7}, uint16_t{1},
                                             uint16_t{300}, uint16_t{2}, uint16_t{3}, uint16_t{1}));
}

TEST(TokenIndex, ReadsWhatWasWrittenInEveryType) {
  const ScratchFolder folder;
  const Documents small = {{{5, 6, 1}}, {}, {{100, 1}, {2, 3, 1}}};
  for (const TokenType type :
       {TokenType::kU8, TokenType::kI8, TokenType::kI16, TokenType::kI32, TokenType::kI64, TokenType::kU16}) {
    write_index(folder / "x", small, type);
    for (const char* name : {"x", "x.bin", "x.idx"}) {
      const TokenIndex index = TokenIndex::open(folder / name);
      EXPECT_EQ(index.prefix(), folder / "x");
      EXPECT_EQ(index.type(), type);
      EXPECT_EQ(index.documents(), 3u);
      EXPECT_EQ(index.sequences(), 3u);
      EXPECT_EQ(index.tokens(), 8u);
      EXPECT_EQ(index.read(0), (std::vector<int32_t>{5, 6, 1}));
      EXPECT_EQ(index.document_tokens(1), 0u);
      EXPECT_EQ(index.read(2), (std::vector<int32_t>{100, 1, 2, 3, 1}));
      std::vector<int32_t> middle(3);
      index.read(2, 1, middle);
      EXPECT_EQ(middle, (std::vector<int32_t>{1, 2, 3}));
      EXPECT_THROW(index.read(2, 3, middle), BugError);
      EXPECT_THROW(index.read(3), BugError);
    }
  }
}

TEST(TokenIndex, AnotherReaderSeesTheSame) {
  const ScratchFolder folder;
  for (const TokenType type : {TokenType::kU16, TokenType::kI32}) {
    write_index(folder / "x", kGolden, type);
    const std::string command =
        std::string("python3 " TANDEM_SOURCE_DIR "/tests/data/read_index.py ") + (folder / "x");
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
    ASSERT_NE(pipe, nullptr);
    const auto seen = nlohmann::json::parse(pipe.get());
    EXPECT_EQ(seen["code"], static_cast<int>(type));
    EXPECT_EQ(seen["documents"].get<Documents>(), kGolden);
  }
}

TEST(TokenIndex, TypeFollowsTheVocabularyAsInMegatron) {
  EXPECT_EQ(token_type_for(65499), TokenType::kU16);
  EXPECT_EQ(token_type_for(65500), TokenType::kI32);
}

TEST(TokenIndexWriter, IdsThatDoNotFitAreRefused) {
  const ScratchFolder folder;
  TokenIndexWriter writer({.bin = folder / "x.bin", .idx = folder / "x.idx"}, TokenType::kU16);
  EXPECT_THROW(writer.add_sequence(std::vector<int32_t>{70000}), InputError);
  EXPECT_THROW(writer.add_sequence(std::vector<int32_t>{-1}), InputError);
}

TEST(TokenIndex, FindsIdsOutsideTheVocabulary) {
  const ScratchFolder folder;
  write_index(folder / "x", {{{5, 6}}, {}, {{7, 8}, {300}}, {{9}}}, TokenType::kI32);
  const TokenIndex index = TokenIndex::open(folder / "x");
  EXPECT_FALSE(index.find_outside(301).has_value());
  const auto outside = index.find_outside(300);
  ASSERT_TRUE(outside.has_value());
  EXPECT_EQ(outside->document, 2u);
  EXPECT_EQ(outside->id, 300);
  write_index(folder / "negative", {{{5, -6}}}, TokenType::kI32);
  EXPECT_EQ(TokenIndex::open(folder / "negative").find_outside(300)->id, -6);
}

class FaultyIndex : public testing::Test {
 protected:
  FaultyIndex() {
    write_index(folder_ / "x", kGolden);
    idx_ = folder_.read("x.idx");
  }
  std::string message() const {
    return message_of<InputError>([&] { TokenIndex::open(folder_ / "x"); });
  }
  std::string message_with_idx(std::string_view idx) const {
    folder_.write("x.idx", idx);
    return message();
  }
  // Replaces bytes of the index.
  std::string message_with(size_t offset, std::string_view patch) const {
    std::string changed = idx_;
    changed.replace(offset, patch.size(), patch);
    return message_with_idx(changed);
  }

  ScratchFolder folder_;
  std::string idx_;
};

TEST_F(FaultyIndex, MissingFilesAreNamed) {
  std::filesystem::remove(folder_ / "x.bin");
  EXPECT_THAT(message(), AllOf(HasSubstr("x.bin"), HasSubstr("does not exist")));
  write_index(folder_ / "x", kGolden);
  std::filesystem::remove(folder_ / "x.idx");
  EXPECT_THAT(message(), AllOf(HasSubstr("x.idx"), HasSubstr("does not exist")));
}

TEST_F(FaultyIndex, EmptyFilesAreNamed) {
  EXPECT_THAT(message_with_idx(""), AllOf(HasSubstr("x.idx"), HasSubstr("is empty")));
  folder_.write("x.idx", idx_);
  folder_.write("x.bin", "");
  EXPECT_THAT(message(), AllOf(HasSubstr("x.bin"), HasSubstr("is empty")));
  write_index(folder_ / "x", {});
  EXPECT_THAT(message(), HasSubstr("holds no tokens"));
}

TEST_F(FaultyIndex, EveryTruncationIsRefused) {
  for (size_t size = 0; size < idx_.size(); ++size)
    EXPECT_THAT(message_with_idx(idx_.substr(0, size)), HasSubstr("x.idx")) << size;
  EXPECT_THAT(message_with_idx(idx_.substr(0, 80)), HasSubstr("truncated"));
  EXPECT_THAT(message_with_idx(idx_ + "more bytes"), HasSubstr("damaged"));
  folder_.write("x.idx", idx_);
  folder_.write("x.bin", folder_.read("x.bin").substr(0, 17));
  EXPECT_THAT(message(), AllOf(HasSubstr("x.bin has 17 bytes"), HasSubstr("truncated")));
  folder_.write("x.bin", std::string(20, '\0'));
  EXPECT_THAT(message(), HasSubstr("do not belong together"));
}

TEST_F(FaultyIndex, ForeignFilesAreRecognised) {
  EXPECT_THAT(message_with(0, "PK"), HasSubstr("no Megatron index"));
  EXPECT_THAT(message_with_idx("TNTIDX" + idx_), HasSubstr("fairseq"));
  EXPECT_THAT(message_with(17, "\x09"), HasSubstr("only fairseq writes"));
  EXPECT_THAT(message_with(17, "\x06"), HasSubstr("floating-point"));
  EXPECT_THAT(message_with(17, "\x0b"), HasSubstr("unknown token type code 11"));
  EXPECT_THAT(message_with(9, "\x02"), HasSubstr("version 2"));
  // fairseq: the same start, then lengths and offsets, no document index.
  EXPECT_THAT(message_with_idx(header(1, 8, 2) + bytes(int32_t{4}, int32_t{5}, int64_t{0}, int64_t{8})),
              HasSubstr("written by fairseq"));
  EXPECT_THAT(message_with_idx(idx_ + std::string(3, '\0')), HasSubstr("multimodal"));
}

TEST_F(FaultyIndex, WrongSumsAreRefused) {
  EXPECT_THAT(message_with(34, bytes(int32_t{-3})), HasSubstr("sequence 0 has length -3"));
  EXPECT_THAT(message_with(34, bytes(int32_t{4})), HasSubstr("sequence 1 starts at byte 6, but 8 bytes"));
  EXPECT_THAT(message_with(46, bytes(int64_t{2})), HasSubstr("sequence 0 starts at byte 2"));
  EXPECT_THAT(message_with(70, bytes(int64_t{1})), HasSubstr("document 0 starts at sequence 1"));
  EXPECT_THAT(message_with(78, bytes(int64_t{4})), HasSubstr("document 1 starts at sequence 4"));
  EXPECT_THAT(message_with(86, bytes(int64_t{2})), HasSubstr("ends at sequence 2 of 3"));
  EXPECT_THAT(message_with(18, bytes(uint64_t{1} << 62)), HasSubstr("x.idx"));
  EXPECT_THAT(message_with(26, bytes(uint64_t{1} << 62)), HasSubstr("x.idx"));
}

TEST_F(FaultyIndex, AFolderIsNoIndex) {
  std::filesystem::remove(folder_ / "x.bin");
  std::filesystem::create_directory(folder_ / "x.bin");
  EXPECT_THAT(message(), HasSubstr("x.bin is a folder"));
}

}  // namespace
}  // namespace tandem::data
