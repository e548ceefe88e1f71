// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sample_config.h"
#include "tandem/base/config_reader.h"
#include "tandem/base/fields.h"

namespace tandem {
namespace {

using sample::Bicycle;
using sample::Colour;

Bicycle full_bicycle() {
  return {.name = "车",
          .body = {.front = {.spokes = 36, .radius = 0.1 + 0.2}, .colour = Colour::kBlue, .bell = true},
          .loads = {{"a", 1.0 / 3}, {"b", 2, "bread"}},
          .gears = 21,
          .owner = "me"};
}

TEST(Fields, WrittenConfigurationReadsBackTheSame) {
  for (const Bicycle& bicycle : {full_bicycle(), Bicycle{.name = "bare", .body = {.front = {.spokes = 1}}}}) {
    Bicycle back;
    const ConfigReport report = read_config(back, {.name = "", .text = config_to_json(bicycle).dump(2)});
    EXPECT_THAT(report.problems(), testing::IsEmpty());
    EXPECT_EQ(back, bicycle);
  }
}

TEST(Fields, AreWrittenInOrderWithoutUnsetOnes) {
  EXPECT_EQ(
      config_to_json(Bicycle{.name = "x"}).dump(),
      R"({"name":"x","body":{"front":{"spokes":0,"radius":0.5},"colour":"red","bell":false,"motor":false}})");
}

// Configurations without names keep the form, and so the hash, that they had before there were any.
TEST(Fields, NamesOfPathsAreWrittenWhereTheyAreGiven) {
  const Bicycle bicycle{.name = "x", .loads = {{"a", 1}, {"b", 2, "bread"}}};
  EXPECT_EQ(config_to_json(bicycle).at("loads").dump(),
            R"([{"path":"a","weight":1.0},{"name":"bread","path":"b","weight":2.0}])");
}

TEST(Fields, HashDependsOnEveryValueAndNotOnOrderOrForm) {
  Bicycle a, b;
  read_config(a, {.text = R"({"name": "x", "body": {"front": {"spokes": 8, "radius": 1}, "bell": false}})"});
  read_config(b, {.text = R"({"body": {"front": {"radius": 1.0, "spokes": 8}}, /**/ "name": "x"})"});
  EXPECT_EQ(hash_config(a), hash_config(b));
  // Pinned: manifests of other versions hold it.
  EXPECT_EQ(hash_config(a), "2499b4a5f56f6b70fd6ca08f4436f601");
  std::vector<std::string> hashes{hash_config(a)};
  const auto with = [&](auto change) {
    Bicycle other = a;
    change(other);
    EXPECT_THAT(hashes, testing::Not(testing::Contains(hash_config(other))));
    hashes.push_back(hash_config(other));
  };
  with([](Bicycle& c) { c.name = "y"; });
  with([](Bicycle& c) { c.body.front.spokes = 9; });
  with([](Bicycle& c) { c.body.front.radius = 1.0000000000000002; });
  with([](Bicycle& c) { c.body.colour = Colour::kBlue; });
  with([](Bicycle& c) { c.body.bell = true; });
  with([](Bicycle& c) { c.loads = {{"a", 1}}; });
  with([](Bicycle& c) { c.loads = {{"a", 2}}; });
  with([](Bicycle& c) { c.loads = {{"a", 2, "bread"}}; });
  with([](Bicycle& c) { c.gears = 1; });
  with([](Bicycle& c) { c.owner = "x"; });
}

TEST(Fields, DifferencesNameKeyAndBothValues) {
  Bicycle a = full_bicycle(), b = full_bicycle();
  EXPECT_TRUE(diff_configs(a, b).empty());
  b.body.front.spokes = 3;
  b.gears.reset();
  const std::vector<FieldDifference> differences = diff_configs(a, b);
  ASSERT_EQ(differences.size(), 2u);
  EXPECT_EQ(differences[0].key, "body.front.spokes");
  EXPECT_EQ(differences[0].left, "36");
  EXPECT_EQ(differences[0].right, "3");
  EXPECT_EQ(differences[1].key, "gears");
  EXPECT_EQ(differences[1].right, "unset");
}

TEST(Fields, HelpSaysTypeUnitDefaultAndMeaning) {
  Bicycle defaults;
  std::vector<std::string> lines;
  for (const FieldHelp& help : describe_fields(list_fields(defaults)))
    lines.push_back(
        fmt::format("{}|{}|{}|{}|{}", help.key, help.type, help.unit, help.fallback, help.meaning));
  EXPECT_THAT(lines, testing::ElementsAre(
                         "name|text||required|what it is called",
                         "body.front.spokes|integer||required|spokes of a wheel",
                         "body.front.radius|number|metres|0.5|size", "body.colour|red|blue||\"red\"|paint",
                         "body.bell|true|false||false|has a bell", "body.motor|true|false||false|has a motor",
                         "loads|path or paths||(nothing)|what it carries",
                         "gears|integer||(as many as fit)|gears", "owner|text||(unset)|whose it is"));
}

}  // namespace
}  // namespace tandem
