// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/checkpoint/reader.h"
#include "tandem/data/tokenizer_training.h"
#include "tandem/infer/model_facts.h"
#include "tandem/infer/tokenizer_choice.h"
#include "tandem/interop/t5_export.h"
#include "tandem/interop/t5_import.h"
#include "tandem/interop/t5_tokenizer.h"
#include "tests/interop/hf_folder.h"

namespace tandem::interop {
namespace {

using checkpoint::write_bytes;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int32_t kPieces = 300;

// A SentencePiece model of 300 pieces; trained once.
const std::string& model_with(int32_t sentinels) {
  static std::map<int32_t, std::string> models;
  std::string& model = models[sentinels];
  if (model.empty()) {
    const checkpoint::ScratchFolder scratch;
    std::string text;
    for (int line = 0; line < 60; ++line)
      text += fmt::format("line {} of a text about many words\n", line * 7919);
    write_bytes(scratch / "text.txt", text);
    model = data::train_tokenizer(
                {.inputs = {(scratch / "text.txt").string()}, .vocabulary = kPieces, .sentinels = sentinels})
                .model;
  }
  return model;
}

class TokenizerOfT5 : public ::testing::Test {
 protected:
  TokenizerOfT5() {
    config_.model = {.encoder_layers = 1, .decoder_layers = 1, .vocabulary = kPieces + 120};
    config_.pad = 0;
    config_.eos = 1;
  }
  T5Tokenizer read() const { return read_t5_tokenizer(scratch_.path(), config_); }
  void put_model(int32_t sentinels) const { write_bytes(scratch_ / "spiece.model", model_with(sentinels)); }
  void put_settings(const json& settings) const {
    write_bytes(scratch_ / "tokenizer_config.json", settings.dump());
  }
  std::string refusal() const {
    try {
      read();
    } catch (const InputError& error) {
      return error.what();
    }
    return "accepted";
  }

  const checkpoint::ScratchFolder scratch_;
  T5Config config_;
};

TEST_F(TokenizerOfT5, ItsOwnSentinelsComeFirst) {
  put_model(8);
  put_settings({{"extra_ids", 100}});
  const T5Tokenizer read_tokenizer = read();
  EXPECT_EQ(read_tokenizer.facts.first_sentinel, kPieces - 1);
  EXPECT_EQ(read_tokenizer.facts.sentinel_count, 8);
  EXPECT_EQ(read_tokenizer.model, model_with(8));
  EXPECT_THAT(read_tokenizer.notes, IsEmpty());
}

TEST_F(TokenizerOfT5, OtherwiseTheyLieBehindThePieces) {
  put_model(0);
  EXPECT_EQ(read().facts.first_sentinel, kPieces + 99);
  EXPECT_EQ(read().facts.sentinel_count, 100);
  put_settings({{"extra_ids", 7}});
  EXPECT_EQ(read().facts.first_sentinel, kPieces + 6);
  put_settings({{"extra_ids", 0}});
  EXPECT_EQ(read().facts.sentinel_count, 0);
  put_settings({{"extra_ids", 121}});
  EXPECT_THAT(refusal(), HasSubstr("121 sentinels behind 300 pieces are beyond vocab_size 420"));
  put_settings({{"extra_ids", -1}});
  EXPECT_THAT(refusal(), HasSubstr("extra_ids is no number"));
}

TEST_F(TokenizerOfT5, OrWhereTheSettingsPutThem) {
  const auto put = [&](const std::vector<std::pair<const char*, const char*>>& added) {
    json decoder = json::object();
    for (const auto& [id, content] : added) decoder[id] = {{"content", content}};
    put_settings({{"extra_ids", 2}, {"added_tokens_decoder", decoder}});
  };
  put({{"310", "<extra_id_0>"}, {"309", "<extra_id_1>"}, {"0", "<pad>"}});
  EXPECT_EQ(read().facts.first_sentinel, 310);
  EXPECT_EQ(read().facts.sentinel_count, 2);
  EXPECT_THAT(read().notes, ElementsAre(HasSubstr("no spiece.model")));
  put({{"310", "<extra_id_0>"}, {"311", "<extra_id_1>"}});
  EXPECT_THAT(refusal(), HasSubstr("<extra_id_1> has id 311"));
  put({{"310", "<extra_id_0>"}, {"308", "<extra_id_2>"}});
  EXPECT_THAT(refusal(), HasSubstr("<extra_id_2> has id 308"));
  put({{"420", "<extra_id_0>"}});
  EXPECT_THAT(refusal(), HasSubstr("outside vocab_size 420"));
  put({{"1", "<extra_id_0>"}});
  EXPECT_THAT(refusal(), HasSubstr("hold pad or eos"));
  put({{"x", "<extra_id_0>"}});
  EXPECT_THAT(refusal(), HasSubstr("gives <extra_id_0> no one id"));
}

TEST_F(TokenizerOfT5, AVocabularyWithoutRoomHasNoSentinels) {
  put_model(0);
  config_.model.vocabulary = kPieces + 50;
  EXPECT_EQ(read().facts.sentinel_count, 0);
  EXPECT_THAT(read().notes, ElementsAre(HasSubstr("no room")));
}

TEST_F(TokenizerOfT5, WhatDoesNotFitTheModelIsRefused) {
  put_model(0);
  config_.eos = 3;
  EXPECT_THAT(refusal(), HasSubstr("has pad 0 and eos 1, but config.json says 0 and 3"));
  config_.eos = 1;
  config_.model.vocabulary = kPieces - 1;
  EXPECT_THAT(refusal(), HasSubstr("has 300 pieces, more than vocab_size 299"));
  write_bytes(scratch_ / "spiece.model", "no model");
  EXPECT_THAT(refusal(), HasSubstr("is no SentencePiece model"));
}

TEST_F(TokenizerOfT5, GoesInAndOutWithItsModel) {
  testing::HfFolder folder = testing::HfFolder::golden("t5_tied_scaled");
  auto& table = folder.tensors["shared.weight"];
  table.shape[0] = folder.config["vocab_size"] = 420;
  table.bytes.resize(size_t{420} * 8 * 4);
  folder.write(scratch_ / "in");
  write_bytes(scratch_ / "in" / "spiece.model", model_with(0));
  import_t5({.source = scratch_ / "in", .output = scratch_ / "tandem", .progress = {}});
  EXPECT_EQ(checkpoint::bytes_of(scratch_ / "tandem" / "tokenizer.model"), model_with(0));

  const auto reader = checkpoint::StepReader::open(scratch_ / "tandem");
  const data::SpecialIds ids = infer::special_ids_of(reader);
  EXPECT_EQ(ids.first_sentinel, 399);
  const auto chosen = infer::choose_tokenizer(reader, "", ids);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->warning, "");
  EXPECT_EQ(chosen->tokenizer.encode_with_masks("<mask>"), std::vector<int32_t>{399});

  export_t5({.checkpoint = scratch_ / "tandem", .output = scratch_ / "out", .progress = {}});
  EXPECT_EQ(checkpoint::bytes_of(scratch_ / "out" / "spiece.model"), model_with(0));
  EXPECT_EQ(json::parse(checkpoint::bytes_of(scratch_ / "out" / "tokenizer_config.json")),
            (json{{"tokenizer_class", "T5Tokenizer"}, {"extra_ids", 100}}));

  write_bytes(scratch_ / "tandem" / "tokenizer.model", model_with(8));
  EXPECT_THROW(export_t5({.checkpoint = scratch_ / "tandem", .output = scratch_ / "other", .progress = {}}),
               InputError);
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "other"));
}

TEST_F(TokenizerOfT5, WithoutOneNoneIsExported) {
  testing::HfFolder::golden("t5_tied_scaled").write(scratch_ / "in");
  import_t5({.source = scratch_ / "in", .output = scratch_ / "tandem", .progress = {}});
  const auto exported =
      export_t5({.checkpoint = scratch_ / "tandem", .output = scratch_ / "out", .progress = {}});
  EXPECT_FALSE(exported.has_tokenizer);
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "out" / "spiece.model"));
}

TEST_F(TokenizerOfT5, SettingsSayWhereTransformersFindsTheSentinels) {
  const auto settings = [](int32_t own, data::SpecialIds ids) {
    return t5_tokenizer_json(data::Tokenizer::from_model(model_with(own), "test"), ids);
  };
  EXPECT_EQ(settings(8, {.vocabulary = 420, .first_sentinel = 299, .sentinel_count = 8})->at("extra_ids"), 0);
  EXPECT_EQ(settings(0, {.vocabulary = 420, .first_sentinel = 309, .sentinel_count = 10})->at("extra_ids"),
            10);
  EXPECT_EQ(settings(0, {.vocabulary = 420})->at("extra_ids"), 0);
  EXPECT_FALSE(settings(0, {.vocabulary = 420, .first_sentinel = 319, .sentinel_count = 10}));
  EXPECT_FALSE(settings(8, {.vocabulary = 420, .first_sentinel = 298, .sentinel_count = 8}));
}

}  // namespace
}  // namespace tandem::interop
