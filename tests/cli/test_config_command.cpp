// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "process.h"
#include "tandem/train/run_config.h"

namespace tandem::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string kTiny = TANDEM_SOURCE_DIR "/configs/tiny.json";

Finished show(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"config", "show", "--config", kTiny});
  return run_tandem(std::move(arguments));
}

TEST(ConfigShow, PrintsEveryKeyWithValueAndOrigin) {
  const Finished run = show({"--set", "train.steps=7"});
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.err, "");
  EXPECT_THAT(run.out, testing::ContainsRegex("\ntrain.steps +7 +--set\n"));
  EXPECT_THAT(run.out, testing::ContainsRegex("\nmodel.hidden +32 +file\n"));
  EXPECT_THAT(run.out, testing::ContainsRegex("\nparallel.data +1 +default\n"));
  EXPECT_THAT(run.out, testing::ContainsRegex("\nparallel.encoder_stages +\\(the split .*\\) +default\n"));
}

TEST(ConfigShow, JsonHoldsTheConfigurationItsOriginsAndHash) {
  const Finished run = show({"--json", "--set", "train.steps=7", "--set", "data.train=some/where"});
  ASSERT_EQ(run.code, 0) << run.err;
  const json document = json::parse(run.out);
  EXPECT_EQ(document["config"]["train"]["steps"], 7);
  EXPECT_EQ(document["config"]["data"]["train"][0]["path"], "some/where");
  EXPECT_EQ(document["origins"]["train.steps"], "--set");
  EXPECT_EQ(document["origins"]["model.hidden"], "file");
  EXPECT_EQ(document["origins"]["parallel.data"], "default");
  const train::RunConfig config =
      train::resolve_run_config({.name = "", .text = document["config"].dump(), .sets = {}}).config;
  EXPECT_EQ(hash_config(config), document["hash"]);
}

TEST(ConfigShow, ReportsAllProblemsInOneLine) {
  const Finished run = show({"--set", "model.heads=three", "--set", "parallel.tensor=3", "--set",
                             "model.hiden=1", "--set", "parallel.placement=folded"});
  EXPECT_EQ(run.code, 2);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1);
  EXPECT_THAT(run.err, testing::StartsWith("error: " + kTiny + ": "));
  for (const char* part :
       {"model.hiden: unknown key; the nearest is model.hidden", "model.heads: expected an integer",
        "model.feed_forward 64 is not divisible by parallel.tensor 3", "parallel.placement: "})
    EXPECT_THAT(run.err, HasSubstr(part));
}

TEST(ConfigShow, AMissingFileIsNamed) {
  const Finished run = run_tandem({"config", "show", "--config", "/none.json"});
  EXPECT_EQ(run.code, 2);
  EXPECT_EQ(run.err, "error: /none.json does not exist; check the path\n");
}

TEST(ConfigKeys, TableAndJsonDescribeEveryKey) {
  const Finished table = run_tandem({"config", "keys"}), document = run_tandem({"config", "keys", "--json"});
  ASSERT_EQ(table.code, 0);
  ASSERT_EQ(document.code, 0);
  const json keys = json::parse(document.out);
  train::RunConfig config;
  const std::vector<FieldRef> fields = list_fields(config);
  ASSERT_EQ(keys.size(), fields.size());
  for (size_t i = 0; i < fields.size(); ++i) {
    EXPECT_EQ(keys[i]["key"], fields[i].key);
    EXPECT_NE(keys[i]["meaning"], "") << fields[i].key;
    EXPECT_THAT(table.out, HasSubstr("\n" + fields[i].key + " "));
  }
  EXPECT_EQ(std::count(table.out.begin(), table.out.end(), '\n'), static_cast<long>(fields.size()) + 1);
  EXPECT_THAT(table.out, testing::ContainsRegex("\nmodel.hidden +integer +required +width"));
}

}  // namespace
}  // namespace tandem::cli
