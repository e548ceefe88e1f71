// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "scratch_folder.h"
#include "tandem/base/error.h"
#include "tandem/data/index_metadata.h"

namespace tandem::data {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class IndexMetadataFile : public testing::Test {
 protected:
  IndexMetadataFile() : good_(json::parse(to_json(metadata()))) {}

  static IndexMetadata metadata() {
    return {.ids = {.vocabulary = 420, .first_sentinel = 419, .sentinel_count = 20},
            .tokenizer_hash = "abc",
            .documents = 3,
            .tokens = 50,
            .largest_id = 380};
  }
  std::string refused(const std::string& text) const {
    folder_.write("x.json", text);
    return message_of<InputError>([&] { read_metadata(folder_ / "x"); });
  }
  std::string refused_with(const std::string& member, const json& value) const {
    json changed = good_;
    changed[member] = value;
    return refused(changed.dump());
  }

  const ScratchFolder folder_;
  const json good_;
};

TEST_F(IndexMetadataFile, ComesBack) {
  folder_.write("x.json", to_json(metadata()));
  EXPECT_EQ(read_metadata(folder_ / "x"), metadata());
  EXPECT_EQ(read_metadata(folder_ / "none"), std::nullopt);
}

TEST_F(IndexMetadataFile, MembersOutsideTheirRangeAreNamed) {
  const struct {
    const char* member;
    std::vector<json> values;
  } kBad[] = {
      {"vocabulary", {0, -5, 4294967297, "420", 420.5, nullptr}},
      {"pad", {-1, 420, 4294967296, 18446744073709551615u, true}},
      {"eos", {-1, 420, 4294967297, "1"}},
      {"unk", {-2, 420, 4294967298}},
      {"first_sentinel", {-1, 420, 4294967715}},
      {"sentinel_count", {-1, 421, 4294967296}},
      {"largest_id", {-1, 4294967296}},
      {"documents", {-1, 1.5}},
      {"tokens", {-1, "50"}},
      {"ends_with_eos", {1, "true"}},
      {"tokenizer_hash", {7, nullptr}},
  };
  for (const auto& bad : kBad)
    for (const json& value : bad.values) {
      const std::string message = refused_with(bad.member, value);
      EXPECT_THAT(message, AllOf(HasSubstr("x.json"), HasSubstr(bad.member), Not(HasSubstr("\n")),
                                 Not(HasSubstr("json.exception"))))
          << bad.member << " " << value;
    }
}

TEST_F(IndexMetadataFile, VocabulariesWithoutSentinelsAreTaken) {
  IndexMetadata none = metadata();
  none.ids.first_sentinel = -1, none.ids.sentinel_count = 0;
  folder_.write("x.json", to_json(none));
  EXPECT_EQ(read_metadata(folder_ / "x"), none);
}

TEST_F(IndexMetadataFile, MissingMembersAndOtherTextsAreNamed) {
  for (const auto& [member, value] : good_.items()) {
    json without = good_;
    without.erase(member);
    EXPECT_THAT(refused(without.dump()), AllOf(HasSubstr("x.json"), HasSubstr(member)));
  }
  EXPECT_THAT(refused_with("format", 2), HasSubstr("format 2"));
  for (const char* text : {"", "{", "[1]", "7", "{\"format\": 1,}"})
    EXPECT_THAT(refused(text), AllOf(HasSubstr("x.json"), Not(HasSubstr("json.exception")))) << text;
}

}  // namespace
}  // namespace tandem::data
