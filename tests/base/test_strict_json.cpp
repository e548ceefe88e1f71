// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/base/strict_json.h"

namespace tandem {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string problem_of(const std::string& text, JsonLimits limits = {}) {
  try {
    parse_strict_json(text, "a.json", limits);
    ADD_FAILURE() << "taken: " << text.substr(0, 80);
    return "";
  } catch (const InputError& error) {
    return error.what();
  }
}

TEST(StrictJson, TakesComments) {
  EXPECT_EQ(parse_strict_json("// x\n{\"a\": /* y */ [1, {\"a\": 2}]}", "a.json")["a"][1]["a"], 2);
}

TEST(StrictJson, NamesThePlaceOfASlip) {
  EXPECT_THAT(problem_of("{\n  \"a\": 1,\n  \"b\" 2\n}"),
              StartsWith("a.json: not JSON: parse error at line 3"));
  EXPECT_THAT(problem_of(""), HasSubstr("not JSON"));
  EXPECT_THAT(problem_of("{\"a\": 1} {"), HasSubstr("not JSON"));
  EXPECT_THAT(problem_of("{\"a\": \"\xff\"}"), HasSubstr("not JSON"));
}

TEST(StrictJson, RefusesAKeyThatIsThereTwice) {
  EXPECT_EQ(problem_of(R"({"a": {"b": 1, "c": 2, "b": 3}})"),
            R"(a.json: the key "b" is there twice in one group; remove one)");
}

TEST(StrictJson, RefusesWhatIsBeyondItsLimits) {
  EXPECT_EQ(problem_of("[1234]", {.bytes = 5}), "a.json: 6 bytes are more than 5");
  EXPECT_THAT(problem_of(std::string(100000, '[')), HasSubstr("nested deeper than 64"));
  EXPECT_THAT(problem_of("[1e999]"), HasSubstr("not JSON"));
  EXPECT_THAT(problem_of("[NaN]"), HasSubstr("not JSON"));
}

}  // namespace
}  // namespace tandem
