// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tandem/data/tokenizer.h"
#include "tandem/data/tokenizer_training.h"
#include "tests/cli/process.h"
#include "tests/data/invented_text.h"
#include "tests/infer/tiny_model.h"

namespace tandem::testing {
namespace {

using cli::Finished;
using nlohmann::json;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Tiny models gain nothing from threads, and on a busy machine waiting for them takes most of the time.
const std::vector<std::string> kOneThread{"OMP_NUM_THREADS=1"};

/// A run's folder with a step of invented weights, and the tokenizer that belongs to it.
class InferenceCommands : public ::testing::Test {
 protected:
  InferenceCommands() {
    const std::string text = folder_.write("text.txt", data::invented_text(100));
    const std::string model =
        data::train_tokenizer({.inputs = {text}, .vocabulary = 400, .sentinels = 8}).model;
    tokenizer_ = data::Tokenizer::from_model(model, "test");
    folder_.write("sp.model", model);
    const data::SpecialIds& ids = tokenizer_->ids();
    step_ = save_tiny(run_ / "checkpoints", {.step = 3,
                                             .model = tiny_config(model::Positions::kRotary, ids.vocabulary),
                                             .tokenizer = {.pad = ids.pad,
                                                           .eos = ids.eos,
                                                           .first_sentinel = ids.first_sentinel,
                                                           .sentinel_count = ids.sentinel_count,
                                                           .hash = tokenizer_->hash()}});
  }

  void copy_tokenizer() const { std::filesystem::copy_file(folder_ / "sp.model", run_ / "tokenizer.model"); }
  Finished run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin() + 1, {"--checkpoint", run_.string()});
    return cli::run_tandem(arguments, kOneThread);
  }
  json answer(std::vector<std::string> arguments) const {
    arguments.emplace_back("--json");
    const Finished finished = run(std::move(arguments));
    EXPECT_EQ(finished.code, 0) << finished.err;
    EXPECT_EQ(finished.err, "");
    return json::parse(finished.out);
  }
  void expect_refused(std::vector<std::string> arguments, const std::string& part) const {
    const Finished finished = run(std::move(arguments));
    EXPECT_EQ(finished.code, 2);
    EXPECT_EQ(finished.out, "");
    EXPECT_THAT(finished.err, StartsWith("error: "));
    EXPECT_THAT(finished.err, HasSubstr(part));
    EXPECT_EQ(std::ranges::count(finished.err, '\n'), 1);
  }

  const data::ScratchFolder folder_;
  const std::filesystem::path run_ = folder_ / "run";
  std::optional<data::Tokenizer> tokenizer_;
  std::filesystem::path step_;
};

TEST_F(InferenceCommands, IdsWorkWithoutATokenizer) {
  const json generated = answer({"generate", "--source-ids", "5,6,7"});
  EXPECT_EQ(generated.at("text"), nullptr);
  EXPECT_LE(generated.at("ids").size(), 6u);  // the run's target length
  ASSERT_FALSE(generated.at("ids").empty());
  EXPECT_EQ(answer({"generate", "--source-ids", "5,6,7", "--max-tokens", "1"}).at("ids"),
            json::array({generated.at("ids")[0]}));

  std::string target;
  for (const json& id : generated.at("ids")) target += (target.empty() ? "" : ",") + id.dump();
  const json scored = answer({"score", "--source-ids", "5,6,7", "--target-ids", target});
  ASSERT_EQ(scored.at("log_probabilities").size(), generated.at("ids").size());
  for (size_t i = 0; i < generated.at("ids").size(); ++i)
    EXPECT_NEAR(scored["log_probabilities"][i].get<double>(), generated["log_probabilities"][i].get<double>(),
                1e-5);
}

TEST_F(InferenceCommands, TextsAreTokenisedWithGapsAndEos) {
  copy_tokenizer();
  std::vector<int32_t> ids = tokenizer_->encode_with_masks("今天<mask>，然后回家。");
  ids.push_back(tokenizer_->ids().eos);
  std::string listed;
  for (const int32_t id : ids) listed += (listed.empty() ? "" : ",") + std::to_string(id);
  const json by_text = answer({"generate", "--text", "今天<mask>，然后回家。", "--max-tokens", "9"});
  EXPECT_EQ(by_text, answer({"generate", "--source-ids", listed, "--max-tokens", "9"}));
  EXPECT_EQ(by_text.at("text"), tokenizer_->decode(by_text.at("ids").get<std::vector<int32_t>>()));

  const json scored = answer({"score", "--text", "今天", "--target", "回家"});
  EXPECT_EQ(scored.at("log_probabilities").size(), tokenizer_->encode("回家").size() + 1);
}

TEST_F(InferenceCommands, CandidatesAreAListAGap) {
  copy_tokenizer();
  const json generated = answer({"generate", "--text", "今天<mask>写<mask>。", "--candidates", "5"});
  ASSERT_EQ(generated.at("gaps").size(), 2u);
  for (const json& gap : generated["gaps"]) {
    ASSERT_EQ(gap.at("candidates").size(), 5u);
    for (const json& filling : gap["candidates"]) {
      EXPECT_EQ(filling.at("text"), tokenizer_->decode(filling.at("ids").get<std::vector<int32_t>>()));
      EXPECT_NEAR(filling.at("probability").get<double>(),
                  std::exp(filling.at("log_probability").get<double>()), 1e-12);
    }
  }
}

TEST_F(InferenceCommands, PlainCandidatesStandBehindTheAnswer) {
  std::vector<std::string> asked{"generate", "--source-ids", "399,5", "--max-tokens", "1"};
  const Finished answered = run(asked);
  asked.insert(asked.end(), {"--candidates", "2"});
  const Finished shown = run(asked);
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_THAT(shown.out, StartsWith(answered.out + "gap 1\n"));
  EXPECT_EQ(std::ranges::count(answered.out, ','), 0);  // --max-tokens 1
  EXPECT_EQ(std::ranges::count(shown.out, '\n'), 4);
}

TEST_F(InferenceCommands, AStepsFolderAndAGivenTokenizerDo) {
  copy_tokenizer();
  const std::vector<std::string> asked{"--text", "今天", "--json"};
  const auto ask = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), asked.begin(), asked.end());
    return cli::run_tandem(arguments, kOneThread);
  };
  const Finished of_run = ask({"generate", "--checkpoint", run_});
  EXPECT_EQ(of_run.code, 0) << of_run.err;
  EXPECT_EQ(ask({"generate", "--checkpoint", step_}).out, of_run.out);
  EXPECT_EQ(ask({"generate", "--checkpoint", step_.string() + "/"}).out, of_run.out);
  std::filesystem::remove(run_ / "tokenizer.model");
  EXPECT_EQ(ask({"generate", "--checkpoint", run_, "--tokenizer", folder_ / "sp.model"}).out, of_run.out);
}

TEST_F(InferenceCommands, ReadableTextWithoutJson) {
  copy_tokenizer();
  const Finished generated = run({"generate", "--text", "今天"});
  EXPECT_EQ(generated.out, answer({"generate", "--text", "今天"}).at("text").get<std::string>() + "\n");
  const Finished scored = run({"score", "--text", "今天", "--target-ids", "300,1"});
  EXPECT_EQ(std::ranges::count(scored.out, '\n'), 3);
  EXPECT_THAT(scored.out, EndsWith("sum of 2 tokens\n"));
}

TEST_F(InferenceCommands, WrongRequestsAreRefusedInOneLine) {
  expect_refused({"generate", "--text", "今天"}, "--tokenizer");
  expect_refused({"generate"}, "give --text or --source-ids");
  expect_refused({"generate", "--text", "今天", "--source-ids", "5"}, "not both");
  expect_refused({"generate", "--source-ids", "5,x"}, "`5,x`");
  expect_refused({"generate", "--source-ids", ""}, "--source-ids");
  expect_refused({"generate", "--source-ids", "5,400"}, "400");
  expect_refused({"generate", "--source-ids", "5", "--max-tokens", "0"}, "--max-tokens");
  expect_refused({"generate", "--source-ids", "5", "--candidates", "3"}, "no gap");
  expect_refused({"score", "--source-ids", "5"}, "--target");
  expect_refused({"score", "--source-ids", "5", "--target-ids", "5,-1"}, "-1");
  const Finished nowhere =
      cli::run_tandem({"generate", "--checkpoint", folder_ / "none", "--source-ids", "5"});
  EXPECT_EQ(nowhere.code, 2);
}

TEST_F(InferenceCommands, AnotherTokenizerThanTrainingsIsRefusedOrSaid) {
  const std::string other =
      data::train_tokenizer({.inputs = {folder_ / "text.txt"}, .vocabulary = 390, .sentinels = 8}).model;
  folder_.write("run/tokenizer.model", other);
  expect_refused({"generate", "--text", "今天"}, "is not the tokenizer");
  const Finished given = run({"generate", "--text", "今天", "--tokenizer", run_ / "tokenizer.model"});
  EXPECT_EQ(given.code, 0);
  EXPECT_THAT(given.err, HasSubstr("warning: "));
}

}  // namespace
}  // namespace tandem::testing
