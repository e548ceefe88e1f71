// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sample_config.h"
#include "tandem/base/config_reader.h"
#include "tandem/base/error.h"

namespace tandem {
namespace {

using sample::Bicycle;
using sample::Colour;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Outcome {
  Bicycle bicycle;
  ConfigReport report{""};
};

Outcome read(const std::string& text, const std::vector<std::string>& sets = {}) {
  Outcome outcome;
  outcome.report = read_config(outcome.bicycle, {.name = "b.json", .text = text, .sets = sets});
  return outcome;
}

/// The only problem of a bicycle that is complete but for `sets`.
std::string problem_of(const std::string& set) {
  const Outcome outcome = read(R"({"name": "x", "body": {"front": {"spokes": 8}}})", {set});
  EXPECT_EQ(outcome.report.problems().size(), 1u) << set;
  return outcome.report.problems().empty() ? "" : outcome.report.problems().front();
}

TEST(ConfigReader, ReadsEveryTypeAndComments) {
  const Outcome outcome = read(R"(
    // a line
    {"name": "Fahrrad", /* between */ "body": {"front": {"spokes": 36, "radius": 1}, "colour": "blue", "bell": true},
     "loads": ["a", {"path": "b", "weight": 2.5}, {"path": "c", "name": "bread"}], "gears": 21, "owner": null})");
  EXPECT_THAT(outcome.report.problems(), IsEmpty());
  const Bicycle& bicycle = outcome.bicycle;
  EXPECT_EQ(bicycle.name, "Fahrrad");
  EXPECT_EQ(bicycle.body.front, (sample::Wheel{36, 1.0}));
  EXPECT_EQ(bicycle.body.colour, Colour::kBlue);
  EXPECT_TRUE(bicycle.body.bell);
  EXPECT_EQ(bicycle.loads, (Sources{{"a", 1}, {"b", 2.5}, {"c", 1, "bread"}}));
  EXPECT_EQ(bicycle.gears, 21);
  EXPECT_FALSE(bicycle.owner.has_value());
}

TEST(ConfigReader, OnePathStandsForAListOfOne) {
  EXPECT_EQ(read(R"({"loads": "data/a"})").bicycle.loads, (Sources{{"data/a", 1}}));
}

TEST(ConfigReader, APathWithoutANameIsCalledByItself) {
  const Sources loads = read(R"({"loads": ["a", {"path": "b", "name": "bread"}]})").bicycle.loads;
  ASSERT_EQ(loads.size(), 2u);
  EXPECT_EQ(loads[0].name_or_path(), "a");
  EXPECT_EQ(loads[1].name_or_path(), "bread");
}

TEST(ConfigReader, ReportsAllProblemsAtOnceOnOneLine) {
  const Outcome outcome =
      read(R"({"naem": "x", "body": {"front": {"radius": "big"}, "colour": 3}, "gears": 0})",
           {"body.bell=perhaps", "nothing"});
  EXPECT_THAT(
      outcome.report.problems(),
      ElementsAre("naem: unknown key; the nearest is name", "--set nothing: expected path.to.key=value",
                  "name: is missing (what it is called)", "body.front.spokes: is missing (spokes of a wheel)",
                  R"(body.front.radius: expected a number, got "big")",
                  "body.colour: expected one of red, blue, got 3",
                  R"(body.bell: expected true or false, got "perhaps" (from --set))", "gears: 0 is below 1"));
  try {
    outcome.report.throw_problems();
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(),
                testing::StartsWith("b.json: naem: unknown key; the nearest is name; --set nothing"));
    EXPECT_THAT(error.what(), testing::Not(HasSubstr("\n")));
  }
}

TEST(ConfigReader, TypesAreStrict) {
  EXPECT_EQ(problem_of("body.front.spokes=8.0"),
            "body.front.spokes: expected an integer, got 8.0 (from --set)");
  EXPECT_EQ(problem_of("body.front.spokes=true"),
            "body.front.spokes: expected an integer, got true (from --set)");
  EXPECT_EQ(problem_of("body.front.spokes=null"),
            "body.front.spokes: expected an integer, got null (from --set)");
  EXPECT_EQ(problem_of("body.front.spokes="),
            R"(body.front.spokes: expected an integer, got "" (from --set))");
  EXPECT_EQ(problem_of("body.bell=1"), "body.bell: expected true or false, got 1 (from --set)");
  EXPECT_EQ(problem_of("name="), "name: is empty (from --set)");
  EXPECT_EQ(problem_of("gears=18446744073709551615"),
            "gears: 18446744073709551615 is above 9223372036854775807 (from --set)");
  const Outcome outcome = read(R"({"name": 5, "body": 3, "gears": "3"})");
  EXPECT_THAT(outcome.report.problems(),
              ElementsAre("body: expected a group {…} of keys", "name: expected a text, got 5",
                          R"(gears: expected an integer, got "3")"));
}

TEST(ConfigReader, ChecksRanges) {
  EXPECT_EQ(problem_of("body.front.spokes=101"), "body.front.spokes: 101 is above 100 (from --set)");
  EXPECT_EQ(problem_of("body.front.radius=-0.1"), "body.front.radius: -0.1 is below 0 (from --set)");
}

TEST(ConfigReader, ChecksPathsAndWeights) {
  EXPECT_THAT(problem_of(R"(loads=[{"path": "a", "weight": 0}])"), HasSubstr("a weight that is not above 0"));
  EXPECT_THAT(problem_of(R"(loads=[{"path": "a", "wieght": 1}])"), HasSubstr(R"(unknown key "wieght")"));
  EXPECT_THAT(problem_of(R"(loads=[{"path": "a", "wieght": 1}])"), HasSubstr("path, weight and name"));
  EXPECT_THAT(problem_of(R"(loads=[{"weight": 1}])"), HasSubstr("an empty path"));
  EXPECT_THAT(problem_of(R"(loads=[{"path": "a", "name": ""}])"), HasSubstr("an empty name"));
  EXPECT_THAT(problem_of(R"(loads=[{"path": "a", "name": 3}])"), HasSubstr("expected a path or"));
  EXPECT_THAT(problem_of(R"(loads=[3])"), HasSubstr("expected a path or"));
}

TEST(ConfigReader, RefusesWhatIsNotAvailableYet) {
  EXPECT_EQ(problem_of("body.colour=green"),
            R"(body.colour: "green" is not available yet; use red or blue (from --set))");
  EXPECT_EQ(problem_of("body.motor=true"), "body.motor: true is not available yet (from --set)");
  EXPECT_EQ(problem_of("body.colour=bleu"),
            R"(body.colour: "bleu" is none of red, blue; the nearest is blue (from --set))");
}

TEST(ConfigReader, NamesTheNearestKeyAlsoOfGroupsAndOtherGroups) {
  EXPECT_EQ(problem_of("body.font.spokes=3"),
            "body.font.spokes: unknown key; the nearest is body.front.spokes");
  EXPECT_EQ(problem_of("spokes=3"), "spokes: unknown key; the nearest is body.front.spokes");
  EXPECT_EQ(problem_of("body=3"), "body: is a group; set one of its keys, as body.front.spokes");
  EXPECT_THAT(read(R"({"boby": {"bell": true}})").report.problems(),
              testing::Contains("boby: unknown key; the nearest is body"));
  EXPECT_THAT(read(R"({"body.bell": true})").report.problems(),
              testing::Contains("body.bell: a key in a file has no dots; write groups {…}"));
}

TEST(ConfigReader, SetOverridesTheFileAndTheLastOneWins) {
  const Outcome outcome = read(R"({"name": "x", "body": {"front": {"spokes": "wrong"}}, "gears": 3})",
                               {"body.front.spokes=7", "body.front.spokes=9", "gears=null", "name=a=b, c",
                                R"(loads=[{"path": "p", "weight": 2}, "q"])"});
  EXPECT_THAT(outcome.report.problems(), IsEmpty());
  EXPECT_EQ(outcome.bicycle.body.front.spokes, 9);
  EXPECT_FALSE(outcome.bicycle.gears.has_value());
  EXPECT_EQ(outcome.bicycle.name, "a=b, c");
  EXPECT_EQ(outcome.bicycle.loads, (Sources{{"p", 2}, {"q", 1}}));
}

TEST(ConfigReader, TellsTheOriginOfEachKey) {
  const Outcome outcome = read(R"({"name": "x", "gears": 3})", {"gears=4"});
  EXPECT_EQ(outcome.report.origins().at("name"), Origin::kFile);
  EXPECT_EQ(outcome.report.origins().at("gears"), Origin::kSet);
  EXPECT_EQ(outcome.report.origins().at("body.colour"), Origin::kDefault);
  EXPECT_EQ(outcome.report.origins().size(), 9u);
  EXPECT_EQ(origin_name(Origin::kSet), "--set");
}

TEST(ConfigReader, KeepsTheOldValueOfAFieldWithAProblem) {
  EXPECT_EQ(read(R"({"body": {"front": {"radius": 9}}})").bicycle.body.front.radius, 0.5);
}

TEST(ConfigReader, ProblemsBetweenKeysAreLeftOutWhereOneIsBadAlone) {
  Outcome outcome = read(R"({"name": "x", "body": {"front": {"spokes": 0}}})");
  outcome.report.refuse({"body.front.spokes", "gears"}, "never {}", 1);
  outcome.report.refuse({"name", "gears"}, "name and gears {}", 2);
  EXPECT_THAT(outcome.report.problems(), ElementsAre("body.front.spokes: 0 is below 1", "name and gears 2"));
}

TEST(ConfigReader, RefusesTextThatIsNotUtf8) {
  EXPECT_EQ(problem_of("name=\xff\xfe"), "name: is not valid UTF-8 (from --set)");
}

TEST(ConfigReader, TellsTheFirstOfThousandsOfProblemsAndHowManyMoreThereAre) {
  std::string text = "{";
  for (int key = 0; key < 5000; ++key) text += fmt::format("\"k{}\": 0, ", key);
  const Outcome outcome = read(text + "\"k\": 0}");
  EXPECT_EQ(outcome.report.problems().size(), 5003u);  // and two that are missing
  try {
    outcome.report.throw_problems();
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), testing::EndsWith("; and 4953 more"));
  }
}

TEST(ConfigReader, AKeyOfAMegabyteIsToldShort) {
  std::string key = "x";
  for (int i = 0; i < 100'000; ++i) key += "ä";
  const std::string problem = read("{\"" + key + "\": 0}").report.problems().front();
  EXPECT_LE(problem.size(), 1003u);
  EXPECT_THAT(problem, testing::EndsWith("ää…"));
}

TEST(ConfigReader, KeepsItsMessageOnOneLine) {
  EXPECT_EQ(problem_of("bo\ndy=3"), "bo dy: unknown key; the nearest is body");
  EXPECT_THAT(problem_of("body.colour=re\nd"), HasSubstr(R"("re\nd")"));
}

}  // namespace
}  // namespace tandem
