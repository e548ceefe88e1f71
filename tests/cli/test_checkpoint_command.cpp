// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process.h"
#include "tests/interop/hf_folder.h"

namespace tandem::cli {
namespace {

using nlohmann::json;
using tandem::testing::HfFolder;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class CheckpointCommand : public ::testing::Test {
 protected:
  Finished import(const std::string& source, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{
        "checkpoint", "import", "--from", "hf", source, "--output", (scratch_ / "model").string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_tandem(arguments);
  }
  static void expect_one_line(const Finished& finished, int code, const std::string& part) {
    EXPECT_EQ(finished.code, code) << finished.err;
    EXPECT_EQ(finished.out, "");
    EXPECT_THAT(finished.err, StartsWith("error: "));
    EXPECT_THAT(finished.err, HasSubstr(part));
    EXPECT_EQ(std::ranges::count(finished.err, '\n'), 1);
  }

  const checkpoint::ScratchFolder scratch_;
};

TEST_F(CheckpointCommand, ModelsGoInAndOut) {
  const Finished imported = import(HfFolder::golden_path("t5_tied_unscaled"), {"--json"});
  ASSERT_EQ(imported.code, 0) << imported.err;
  const json told = json::parse(imported.out);
  EXPECT_EQ(told["parameters"], 3296);
  EXPECT_EQ(told["bytes"], 4 * 3296);
  EXPECT_EQ(told["head"], "tied without scaling, imported as an untied head of equal values");
  EXPECT_EQ(told["tokenizer"], false);
  EXPECT_THAT(told["notes"].dump(), HasSubstr("no spiece.model"));
  EXPECT_THAT(imported.err, HasSubstr("no spiece.model"));
  const Finished exported = run_tandem(
      {"checkpoint", "export", "--to", "hf", scratch_ / "model", "--output", scratch_ / "again", "--json"});
  ASSERT_EQ(exported.code, 0) << exported.err;
  EXPECT_EQ(json::parse(exported.out)["head"], "untied");
  EXPECT_EQ(checkpoint::names_in(scratch_ / "again"),
            (std::vector<std::string>{"config.json", "generation_config.json", "model.safetensors"}));
}

TEST_F(CheckpointCommand, FiguresAreAlsoPrintedAsLines) {
  const Finished imported = import(HfFolder::golden_path("mt5"));
  ASSERT_EQ(imported.code, 0) << imported.err;
  EXPECT_THAT(imported.out, HasSubstr("model_type           mt5\n"));
}

TEST_F(CheckpointCommand, InspectShowsWhatEachRankWrote) {
  ASSERT_EQ(import(HfFolder::golden_path("mt5_untied")).code, 0);
  const std::string made = scratch_ / "made";
  const Finished resharded = run_tandem({"checkpoint", "reshard", scratch_ / "model", "--output", made,
                                         "--data", "2", "--tensor", "3", "--pipeline", "2"});
  ASSERT_EQ(resharded.code, 0) << resharded.err;
  const json shown = json::parse(run_tandem({"checkpoint", "inspect", made, "--ranks", "--json"}).out);
  ASSERT_EQ(shown["ranks"].size(), shown["files"].size());
  std::map<std::string, int64_t> elements;
  for (const json& rank : shown["ranks"]) {
    EXPECT_EQ(rank["rank"],
              rank["tensor"].get<int>() + 3 * (rank["data"].get<int>() + 2 * rank["pipeline"].get<int>()));
    int64_t of_rank = 0;
    for (const json& tensor : rank["tensors"]) {
      elements[tensor["name"]] += tensor["elements"].get<int64_t>();
      of_rank += tensor["elements"].get<int64_t>();
    }
    EXPECT_EQ(rank["elements"], of_rank);
  }
  for (const json& tensor : shown["tensors"]) EXPECT_EQ(elements[tensor["name"]], tensor["elements"]);
  EXPECT_FALSE(json::parse(run_tandem({"checkpoint", "inspect", made, "--json"}).out).contains("ranks"));
  EXPECT_THAT(
      run_tandem({"checkpoint", "inspect", made, "--ranks"}).out,
      ::testing::AllOf(::testing::ContainsRegex("\nrank +data +tensor +pipeline +elements +bytes +file\n"),
                       ::testing::ContainsRegex("\nrank 11 +ranges +elements +bytes\n")));
}

TEST_F(CheckpointCommand, FaultsAreOneLineAndLeaveNothing) {
  expect_one_line(import(scratch_ / "none"), 2, "config.json does not exist");
  HfFolder folder = HfFolder::golden("t5_tied_scaled");
  folder.tensors.erase("decoder.final_layer_norm.weight");
  folder.write(scratch_ / "in");
  expect_one_line(import(scratch_ / "in"), 2, "tensor decoder.final_layer_norm.weight is missing");
  EXPECT_EQ(checkpoint::names_in(scratch_.path()), std::vector<std::string>{"in"});
  expect_one_line(
      run_tandem({"checkpoint", "export", "--to", "hf", scratch_ / "in", "--output", scratch_ / "out"}), 2,
      "holds no checkpoint");
  std::filesystem::create_directory(scratch_ / "model");
  expect_one_line(import(HfFolder::golden_path("mt5")), 2, "nothing is overwritten");
  expect_one_line(
      run_tandem({"checkpoint", "import", "--from", "keras", scratch_ / "in", "--output", scratch_ / "out"}),
      2, "keras");
  expect_one_line(run_tandem({"checkpoint", "import", "--from", "hf", scratch_ / "in"}), 2, "--output");
}

}  // namespace
}  // namespace tandem::cli
