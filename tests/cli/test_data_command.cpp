// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "process.h"
#include "tests/data/invented_text.h"

namespace tandem::cli {
namespace {

using data::ScratchFolder;
using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

class DataCommand : public testing::Test {
 protected:
  DataCommand() { text_ = folder_.write("text.txt", data::invented_text(200)); }

  Finished make_tokenizer(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"data", "tokenizer", "--input",
                                          text_,  "--output",  folder_ / "sp.model"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_tandem(arguments);
  }
  Finished encode(std::vector<std::string> inputs) const {
    std::vector<std::string> arguments = {"data",     "encode",      "--tokenizer", folder_ / "sp.model",
                                          "--output", folder_ / "x", "--json",      "--input"};
    arguments.insert(arguments.end(), inputs.begin(), inputs.end());
    return run_tandem(arguments);
  }

  ScratchFolder folder_;
  std::string text_;
};

TEST_F(DataCommand, TextBecomesATokenisedIndexThatCanBeLookedAt) {
  const Finished trained = make_tokenizer({"--vocabulary", "512", "--json"});
  ASSERT_EQ(trained.code, 0) << trained.err;
  const json tokenizer = json::parse(trained.out);
  EXPECT_EQ(tokenizer["vocabulary"], 512);
  EXPECT_EQ(tokenizer["sentinels"], 32);
  EXPECT_GT(tokenizer["character_coverage"], 0.99);
  const std::string more = folder_.write("more.jsonl", "{\"text\": \"今天\\n散步\"}\n");
  const Finished encoded = encode({text_, more});
  ASSERT_EQ(encoded.code, 0) << encoded.err;
  const json figures = json::parse(encoded.out);
  EXPECT_EQ(figures["documents"], 201);
  EXPECT_GE(figures["seconds"], 0.0);
  const json inspected =
      json::parse(run_tandem({"data", "inspect", folder_ / "x", "--document", "200", "--json"}).out);
  EXPECT_EQ(inspected["documents"], 201);
  EXPECT_EQ(inspected["tokens"], figures["tokens"]);
  EXPECT_EQ(inspected["first_sentinel"], 511);
  EXPECT_EQ(inspected["ids"].back(), 1);
  EXPECT_EQ(inspected["text"], "今天\n散步");
}

TEST_F(DataCommand, CoverageIsPrinted) {
  const Finished trained = make_tokenizer({"--vocabulary", "320", "--sentinels", "8"});
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_THAT(trained.out, HasSubstr("character_coverage"));
}

TEST_F(DataCommand, FaultsAreOneLineAndLeaveNoFile) {
  const Finished small = make_tokenizer({"--vocabulary", "100"});
  EXPECT_EQ(small.code, 2);
  EXPECT_THAT(small.err, HasSubstr("the smallest is 278"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "sp.model"));
  ASSERT_EQ(make_tokenizer({"--vocabulary", "400"}).code, 0);
  const Finished missing = encode({folder_ / "none.txt"});
  EXPECT_EQ(missing.code, 2);
  EXPECT_THAT(missing.err, StartsWith("error: "));
  EXPECT_THAT(missing.err, HasSubstr("none.txt does not exist"));
  for (const char* ending : {".bin", ".idx", ".json", ".tokenizer.model"})
    EXPECT_FALSE(std::filesystem::exists((folder_ / "x") + ending));
  const Finished nothing = run_tandem({"data", "inspect", folder_ / "x"});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_THAT(nothing.err, HasSubstr("x.bin does not exist"));
  ASSERT_EQ(encode({text_}).code, 0);
  const Finished beyond = run_tandem({"data", "inspect", folder_ / "x", "--document", "200"});
  EXPECT_EQ(beyond.code, 2);
  EXPECT_THAT(beyond.err, HasSubstr("the last is 199"));
}

TEST_F(DataCommand, TokenizersOutputIsTriedBeforeTheTraining) {
  const auto to = [&](const std::string& output) {
    return run_tandem({"data", "tokenizer", "--input", text_, "--vocabulary", "400", "--output", output});
  };
  const Finished made = to(folder_ / "new/folder/sp.model");
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_TRUE(std::filesystem::exists(folder_ / "new/folder/sp.model"));
  for (const std::string& output : {text_ + "/sp.model", folder_ / "new"}) {
    const Finished refused = to(output);
    EXPECT_NE(refused.code, 0);
    EXPECT_THAT(refused.err, StartsWith("error: ")) << "nothing was done before";
  }
}

TEST_F(DataCommand, SizesOutsideEveryModelAreRefused) {
  for (const std::vector<std::string>& sizes : std::vector<std::vector<std::string>>{
           {"--vocabulary", "2000000000"}, {"--vocabulary", "400", "--sentinels", "1000000000000"}}) {
    const Finished refused = make_tokenizer(sizes);
    EXPECT_EQ(refused.code, 2);
    EXPECT_THAT(refused.err, HasSubstr(sizes.end()[-2]));
  }
}

TEST_F(DataCommand, LongWorkTellsHowFarItIs) {
  const Finished trained = make_tokenizer({"--vocabulary", "512"});
  EXPECT_THAT(trained.err, HasSubstr("count characters 200 lines"));
  EXPECT_THAT(trained.err, HasSubstr("sample lines 200/200 lines (100%)"));
  ASSERT_EQ(encode({text_}).code, 0);
  const Finished unigram =
      run_tandem({"data", "unigram", "--config", TANDEM_SOURCE_DIR "/configs/tiny.json", "--set",
                  "data.train=" + (folder_ / "x"), "--set", "data.validation=" + (folder_ / "x")});
  EXPECT_EQ(unigram.code, 0) << unigram.err;
  EXPECT_THAT(unigram.err, HasSubstr("(100%)"));
}

TEST_F(DataCommand, UnigramLossComesFromARunsConfiguration) {
  ASSERT_EQ(make_tokenizer({"--vocabulary", "512"}).code, 0);
  ASSERT_EQ(encode({text_}).code, 0);
  std::vector<std::string> arguments = {"data",
                                        "unigram",
                                        "--json",
                                        "--config",
                                        TANDEM_SOURCE_DIR "/configs/tiny.json",
                                        "--set",
                                        "data.train=" + (folder_ / "x")};
  const Finished without = run_tandem(arguments);
  EXPECT_EQ(without.code, 2);
  EXPECT_THAT(without.err, HasSubstr("data.validation"));
  arguments.insert(arguments.end(), {"--set", "data.validation=" + (folder_ / "x")});
  const Finished run = run_tandem(arguments);
  ASSERT_EQ(run.code, 0) << run.err;
  const json figures = json::parse(run.out);
  EXPECT_GT(figures["nats"], 2.0);
  EXPECT_LT(figures["nats"], 6.24);  // ln 512: every id alike
}

}  // namespace
}  // namespace tandem::cli
