// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <set>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "invented_text.h"
#include "tandem/base/error.h"
#include "tandem/data/encode.h"
#include "tandem/data/index_metadata.h"
#include "tandem/data/output_files.h"
#include "tandem/data/token_index.h"
#include "tandem/data/tokenizer.h"
#include "tandem/data/tokenizer_training.h"

namespace tandem::data {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

std::set<std::string> names_in(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

class EncodeTest : public testing::Test {
 protected:
  EncodeTest() {
    text_ = folder_.write("text.txt", invented_text(300));
    folder_.write("sp.model", train_tokenizer({.inputs = {text_}, .vocabulary = 420}).model);
  }
  EncodeOptions options() const {
    return {.tokenizer = folder_ / "sp.model", .inputs = {text_}, .prefix = folder_ / "out/corpus"};
  }

  ScratchFolder folder_;
  std::string text_;
};

TEST_F(EncodeTest, EachDocumentIsOneSequenceThatEndsWithEos) {
  const IndexMetadata metadata = encode(options());
  const Tokenizer tokenizer = Tokenizer::load(folder_ / "sp.model");
  const TokenIndex index = TokenIndex::open(folder_ / "out/corpus");
  EXPECT_EQ(metadata.documents, 300u);
  EXPECT_EQ(index.documents(), 300u);
  EXPECT_EQ(index.sequences(), 300u);
  EXPECT_EQ(index.tokens(), metadata.tokens);
  EXPECT_EQ(index.type(), TokenType::kU16);
  std::string text;
  int32_t largest = 0;
  for (uint64_t document = 0; document < 300; ++document) {
    const auto ids = index.read(document);
    EXPECT_EQ(ids.back(), 1);
    text += tokenizer.decode(ids) + "\n";
    for (const int32_t id : ids) largest = std::max(largest, id);
  }
  EXPECT_EQ(text, folder_.read("text.txt"));
  EXPECT_EQ(metadata.largest_id, largest);
}

TEST_F(EncodeTest, MetadataAndTokenizerLieBeside) {
  const IndexMetadata metadata = encode(options());
  const Tokenizer tokenizer = Tokenizer::load(folder_ / "sp.model");
  EXPECT_EQ(read_metadata(folder_ / "out/corpus"), metadata);
  EXPECT_EQ(metadata.ids, tokenizer.ids());
  EXPECT_EQ(metadata.tokenizer_hash, tokenizer.hash());
  EXPECT_EQ(Tokenizer::load(folder_ / "out/corpus.tokenizer.model").hash(), tokenizer.hash());
  EXPECT_THAT(names_in(folder_ / "out"),
              UnorderedElementsAre("corpus.bin", "corpus.idx", "corpus.json", "corpus.tokenizer.model"));
  EXPECT_EQ(read_metadata(folder_ / "nothing"), std::nullopt);
}

TEST_F(EncodeTest, AnyNumberOfThreadsGivesTheSameBytes) {
  encode(options());
  const std::string bin = folder_.read("out/corpus.bin"), idx = folder_.read("out/corpus.idx");
  EncodeOptions threaded = options();
  threaded.threads = 3;
  encode(threaded);
  EXPECT_EQ(folder_.read("out/corpus.bin"), bin);
  EXPECT_EQ(folder_.read("out/corpus.idx"), idx);
}

TEST_F(EncodeTest, InputsComeOneAfterTheOther) {
  EncodeOptions two = options();
  two.inputs = {folder_.write("b.jsonl", "{\"text\": \"一\\n二\"}\n"), text_};
  EXPECT_EQ(encode(two).documents, 301u);
  const auto ids = TokenIndex::open(two.prefix).read(0);
  EXPECT_EQ(Tokenizer::load(two.tokenizer).decode(ids), "一\n二");
}

TEST_F(EncodeTest, FailureLeavesNothingBehindAndTheOldFilesWhole) {
  EncodeOptions bad = options();
  bad.inputs = {text_, folder_.write("bad.jsonl", "{\"text\": \"a\"}\n{")};
  EXPECT_THAT(message_of<InputError>([&] { encode(bad); }), HasSubstr("bad.jsonl:2"));
  EXPECT_TRUE(names_in(folder_ / "out").empty());
  encode(options());
  const std::string idx = folder_.read("out/corpus.idx");
  EXPECT_THROW(encode(bad), InputError);
  EXPECT_EQ(folder_.read("out/corpus.idx"), idx);
  EXPECT_EQ(names_in(folder_ / "out").size(), 4u);
}

TEST_F(EncodeTest, NothingToEncodeIsRefused) {
  EncodeOptions none = options();
  none.inputs = {folder_.write("empty.txt", "\n\n")};
  EXPECT_THAT(message_of<InputError>([&] { encode(none); }), HasSubstr("holds no documents"));
  none.tokenizer = text_;
  EXPECT_THAT(message_of<InputError>([&] { encode(none); }), HasSubstr("is no SentencePiece model"));
}

TEST_F(EncodeTest, APrefixWithoutANameIsRefused) {
  EncodeOptions nameless = options();
  nameless.prefix = folder_ / "out/";
  EXPECT_THAT(message_of<InputError>([&] { encode(nameless); }), HasSubstr("out/' is a folder"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
}

TEST(OutputFiles, AppearTogetherOrNotAtAll) {
  const ScratchFolder folder;
  {
    OutputFiles files;
    files.add(folder / "a/x", "one");
    OutputFiles::write(files.add(folder / "a/y"), "two");
  }
  EXPECT_TRUE(names_in(folder / "a").empty());
  OutputFiles files;
  files.add(folder / "a/x", "one");
  files.add(folder / "a/y", "two");
  files.publish();
  EXPECT_EQ(folder.read("a/x") + folder.read("a/y"), "onetwo");
  EXPECT_THAT(names_in(folder / "a"), UnorderedElementsAre("x", "y"));
}

TEST_F(EncodeTest, WhatAKilledRunLeftIsTakenOver) {
  std::filesystem::create_directory(folder_ / "out");
  const std::string long_garbage(100000, 'x');
  for (const char* ending : {".bin", ".idx", ".json", ".tokenizer.model"})
    folder_.write(std::string("out/corpus") + ending + ".partial", long_garbage);
  encode(options());
  EXPECT_THAT(names_in(folder_ / "out"),
              UnorderedElementsAre("corpus.bin", "corpus.idx", "corpus.json", "corpus.tokenizer.model"));
  EXPECT_EQ(TokenIndex::open(folder_ / "out/corpus").documents(), 300u);
}

TEST(OutputFiles, HaveOneWriterAtATime) {
  const ScratchFolder folder;
  OutputFiles first;
  OutputFiles::write(first.add(folder / "x"), "first");
  {
    OutputFiles second;
    EXPECT_THAT(message_of<EnvironmentError>([&] { second.add(folder / "x"); }),
                AllOf(HasSubstr(folder / "x"), HasSubstr("is writing")));
  }
  first.publish();
  EXPECT_EQ(folder.read("x"), "first");
  OutputFiles third;
  third.add(folder / "x", "third");
  third.publish();
  EXPECT_EQ(folder.read("x"), "third");
  EXPECT_THAT(names_in(folder / ""), UnorderedElementsAre("x"));
}

TEST(OutputFiles, ManyWritersInTurnLeaveOneWholeFile) {
  const ScratchFolder folder;
  std::atomic<int> published = 0;
  const auto write = [&](char letter) {
    for (int i = 0; i < 50; ++i) try {
        OutputFiles files;
        files.add(folder / "x", std::string(1000, letter));
        files.publish();
        ++published;
      } catch (const EnvironmentError&) {  // the other one is at it
      }
  };
  {
    const std::jthread other(write, 'b');
    write('a');
  }
  EXPECT_GT(published, 0);
  const std::string bytes = folder.read("x");
  EXPECT_EQ(bytes, std::string(1000, bytes.at(0)));
  EXPECT_THAT(names_in(folder / ""), UnorderedElementsAre("x"));
}

TEST(OutputFiles, FoldersThatCannotBeMadeAreNamed) {
  const ScratchFolder folder;
  folder.write("file", "x");
  OutputFiles files;
  EXPECT_THAT(message_of<EnvironmentError>([&] { files.add(folder / "file/below"); }),
              HasSubstr("cannot write into"));
  std::filesystem::create_directory(folder / "folder");
  EXPECT_THAT(message_of<InputError>([&] { files.add(folder / "folder"); }), HasSubstr("is a folder"));
}

}  // namespace
}  // namespace tandem::data
