// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scratch_folder.h"
#include "tandem/base/error.h"
#include "tandem/data/mapped_file.h"
#include "tandem/data/text_lines.h"

namespace tandem::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> documents_of(const std::string& path) {
  DocumentReader reader(path);
  std::vector<std::string> documents;
  for (std::string text; reader.next(text);) documents.push_back(text);
  return documents;
}

TEST(DocumentReader, LinesAreCutAtNewlinesOnly) {
  const ScratchFolder folder;
  const auto path = folder.write("a.txt", "\xEF\xBB\xBF第一 行\u2028同一行\u0085也是\n\n二\r\n三");
  EXPECT_THAT(documents_of(path), ElementsAre("第一 行\u2028同一行\u0085也是", "二", "三"));
}

TEST(DocumentReader, JsonLinesGiveTheirText) {
  const ScratchFolder folder;
  const auto path =
      folder.write("a.jsonl", "{\"text\": \"一\\n二\", \"id\": 3}\n\n{\"text\": \"\"}\n{\"text\":\"三\"}\n");
  EXPECT_THAT(documents_of(path), ElementsAre("一\n二", "三"));
}

TEST(DocumentReader, FaultsNameFileAndLine) {
  const ScratchFolder folder;
  const auto refused = [&](const char* name, std::string_view bytes) {
    const auto path = folder.write(name, bytes);
    return message_of<InputError>([&] { documents_of(path); });
  };
  EXPECT_THAT(refused("a.txt", "good\nb\xFF"), HasSubstr("a.txt:2 is not UTF-8"));
  EXPECT_THAT(refused("a.jsonl", "{\"text\": \"a\"}\n{\"text\": "), HasSubstr("a.jsonl:2: not JSON"));
  EXPECT_THAT(refused("b.jsonl", "{\"text\": \"\xFF\"}"), HasSubstr("b.jsonl:1: not JSON"));
  EXPECT_THAT(refused("c.jsonl", "{\"txt\": \"a\"}"),
              HasSubstr("c.jsonl:1 is no JSON object with a \"text\""));
  EXPECT_THAT(refused("d.jsonl", "[1]"), HasSubstr("d.jsonl:1"));
  EXPECT_THAT(refused("e.csv", "a"), HasSubstr("neither .txt"));
  EXPECT_THAT(message_of<InputError>([&] { documents_of(folder / "missing.txt"); }),
              HasSubstr("does not exist"));
}

TEST(DocumentReader, PathsThatLeadToNoFileAreTheUsersToMend) {
  const ScratchFolder folder;
  folder.write("file.txt", "x");
  std::filesystem::create_directory(folder / "folder.txt");
  std::filesystem::create_symlink("loop.txt", folder / "loop.txt");
  for (const std::string& name :
       {std::string("missing.txt"), std::string("folder.txt"), std::string("loop.txt"),
        std::string("file.txt/below.txt"), std::string(300, 'n') + ".txt"}) {
    EXPECT_THROW(documents_of(folder / name), InputError) << name;
    EXPECT_THROW(MappedFile(folder / name), InputError) << name;
  }
}

TEST(DocumentReader, WhatIsNoJsonIsSaidWithoutTheLibrarysTag) {
  const ScratchFolder folder;
  const auto path = folder.write("a.jsonl", "{\"text\": \"a\"}\n{\"text\": }\n");
  const std::string message = message_of<InputError>([&] { documents_of(path); });
  EXPECT_THAT(message, HasSubstr("a.jsonl:2: not JSON: "));
  EXPECT_THAT(message, Not(HasSubstr("json.exception")));
}

TEST(Utf8, MalformedBytesAreSeen) {
  EXPECT_TRUE(is_utf8("a中😀"));
  for (const char* bad : {"\x80", "\xC0\xAF", "\xE4\xB8", "\xED\xA0\x80", "\xF8\x88\x80\x80\x80"})
    EXPECT_FALSE(is_utf8(bad));
}

}  // namespace
}  // namespace tandem::data
