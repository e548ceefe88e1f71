// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/base/json_members.h"

namespace tandem {
namespace {

using nlohmann::json;

// What an error of kind E that `read` meets says; "" where it meets none.
template <class E, class Read>
std::string problem_of(const json& object, JsonWriter writer, Read read) {
  try {
    JsonMembers members(object, "file: group", writer);
    read(members);
    members.finish();
  } catch (const E& error) {
    return error.what();
  }
  return "";
}

const auto kReadWidth = [](JsonMembers& members) { members.integer("width", {.minimum = 1, .maximum = 9}); };

TEST(JsonMembers, GivesMembersByType) {
  const json object = {{"width", 3u}, {"name", "x"}, {"list", json::array({1})}, {"inner", json::object()}};
  JsonMembers members(object, "file", JsonWriter::kUser);
  EXPECT_EQ(members.integer("width"), 3);
  EXPECT_EQ(members.small_integer("width"), 3);
  EXPECT_EQ(members.unsigned_integer("width"), 3u);
  EXPECT_EQ(members.text("name"), "x");
  EXPECT_EQ(members.array("list").size(), 1u);
  EXPECT_TRUE(members.object("inner").empty());
  EXPECT_EQ(members.find("other"), nullptr);
  members.finish();
}

TEST(JsonMembers, AUsersSlipIsTheUsersToMend) {
  EXPECT_EQ(problem_of<InputError>({}, JsonWriter::kUser, kReadWidth), "file: group: is no JSON object");
  EXPECT_EQ(problem_of<InputError>(json::object(), JsonWriter::kUser, kReadWidth),
            "file: group: 'width' is missing");
  EXPECT_EQ(problem_of<InputError>({{"width", "3"}}, JsonWriter::kUser, kReadWidth),
            "file: group: 'width' is not an integer");
  EXPECT_EQ(problem_of<InputError>({{"width", 10}}, JsonWriter::kUser, kReadWidth),
            "file: group: 'width' is 10, outside 1 to 9");
  EXPECT_EQ(problem_of<InputError>({{"width", UINT64_MAX}}, JsonWriter::kUser, kReadWidth),
            "file: group: 'width' is 18446744073709551615, outside 1 to 9");
  EXPECT_EQ(problem_of<InputError>({{"width", 3}, {"widht", 3}}, JsonWriter::kUser, kReadWidth),
            "file: group: 'widht' is not known here; the nearest is 'width'");
  EXPECT_EQ(problem_of<InputError>({{"a", 1}}, JsonWriter::kUser, [](JsonMembers&) {}),
            "file: group: 'a' is not known here");
}

TEST(JsonMembers, WhatTandemWroteIsDamaged) {
  EXPECT_EQ(problem_of<EnvironmentError>(json::object(), JsonWriter::kTandem, kReadWidth),
            "file: group: 'width' is missing");
  EXPECT_EQ(problem_of<EnvironmentError>({{"width", 3}, {"widht", 3}}, JsonWriter::kTandem, kReadWidth),
            "file: group: 'widht' is not known here");
}

}  // namespace
}  // namespace tandem
