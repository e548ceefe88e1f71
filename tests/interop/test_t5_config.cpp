// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/interop/t5_config.h"
#include "tests/interop/hf_folder.h"

namespace tandem::interop {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ConfigOfT5 : public ::testing::Test {
 protected:
  T5Config read(const json& config) const { return read_text(config.dump()); }
  T5Config read_text(const std::string& text) const {
    checkpoint::write_bytes(scratch_ / "config.json", text);
    return read_t5_config(scratch_.path());
  }
  // The configuration with one key changed; null takes it away.
  json with(const std::string& key, const json& value) const {
    json config = config_;
    if (value.is_null())
      config.erase(key);
    else
      config[key] = value;
    return config;
  }
  std::string refusal(const std::string& text) const {
    try {
      read_text(text);
    } catch (const InputError& error) {
      return error.what();
    }
    return "accepted";
  }

  const checkpoint::ScratchFolder scratch_;
  const json config_ = testing::HfFolder::golden("t5_tied_scaled").config;
};

TEST_F(ConfigOfT5, ScalingFollowsTransformersRules) {
  struct Case {
    const char* type;
    json scale, tie;
    bool scales;
  };
  for (const Case& c :
       {Case{"t5", true, true, true}, Case{"t5", false, true, false}, Case{"t5", true, false, true},
        Case{"t5", nullptr, nullptr, true}, Case{"t5", nullptr, false, false},
        Case{"t5", nullptr, true, true}, Case{"mt5", nullptr, true, false}, Case{"mt5", true, true, false},
        Case{"mt5", nullptr, nullptr, false}}) {
    json config = with("scale_decoder_outputs", c.scale);
    config["model_type"] = c.type;
    if (c.tie.is_null())
      config.erase("tie_word_embeddings");
    else
      config["tie_word_embeddings"] = c.tie;
    EXPECT_EQ(read(config).scales_output, c.scales) << config;
  }
}

TEST_F(ConfigOfT5, AbsentKeysHaveTransformersDefaults) {
  const model::ModelConfig t5 = read({{"model_type", "t5"}, {"feed_forward_proj", "gated-gelu"}}).model;
  EXPECT_EQ(t5.encoder_layers, 6);
  EXPECT_EQ(t5.decoder_layers, 6);
  EXPECT_EQ(t5.feed_forward, 2048);
  EXPECT_EQ(t5.vocabulary, 32128);
  EXPECT_EQ(t5.dropout, 0.1);
  const model::ModelConfig mt5 = read({{"model_type", "mt5"}, {"num_layers", 4}}).model;
  EXPECT_EQ(mt5.decoder_layers, 4);
  EXPECT_EQ(mt5.heads, 6);
  EXPECT_EQ(mt5.vocabulary, 250112);
}

TEST_F(ConfigOfT5, SecondNamesAndListsOfOneAreTaken) {
  json config = with("d_model", nullptr);
  config["hidden_size"] = 8;
  config["eos_token_id"] = {1};
  config["decoder_start_token_id"] = nullptr;
  config["num_decoder_layers"] = nullptr;
  const T5Config read_config = read(config);
  EXPECT_EQ(read_config.model.hidden, 8);
  EXPECT_EQ(read_config.eos, 1);
  EXPECT_EQ(read_config.model.decoder_layers, 1);
}

TEST_F(ConfigOfT5, OtherValuesArriveInTheModel) {
  json config = config_;
  config.update({{"dropout_rate", 0.25},
                 {"layer_norm_epsilon", 1e-5},
                 {"relative_attention_num_buckets", 12},
                 {"relative_attention_max_distance", 7},
                 {"pad_token_id", 3},
                 {"decoder_start_token_id", 3},
                 {"eos_token_id", 4},
                 {"feed_forward_proj", "gated-gelu_new"}});
  const T5Config read_config = read(config);
  EXPECT_EQ(read_config.model.dropout, 0.25);
  EXPECT_EQ(read_config.model.norm_epsilon, 1e-5);
  EXPECT_EQ(read_config.model.relative_buckets, 12);
  EXPECT_EQ(read_config.model.relative_distance, 7);
  EXPECT_EQ(read_config.pad, 3);
  EXPECT_EQ(read_config.eos, 4);
}

TEST_F(ConfigOfT5, KeysWithoutMeaningAreTold) {
  json config = config_;
  config["task_specific_params"] = {{"a", 1}};
  config["auto_map"] = {{"AutoModel", "evil.Model"}};
  EXPECT_THAT(read(config).not_used, ElementsAre("task_specific_params"));
}

TEST_F(ConfigOfT5, WhatTheModelCannotBeIsRefusedByName) {
  const std::vector<std::tuple<const char*, json, const char*>> cases{
      {"model_type", "umt5", "model_type is \"umt5\"; only t5 and mt5"},
      {"model_type", nullptr, "model_type is absent"},
      {"feed_forward_proj", "relu", "feed_forward_proj is \"relu\""},
      {"feed_forward_proj", "gated-silu", "feed_forward_proj is \"gated-silu\""},
      {"feed_forward_proj", nullptr, "feed_forward_proj is \"relu\" (it is absent)"},
      {"dense_act_fn", "relu", "dense_act_fn is \"relu\"; tandem's model can only have \"gelu_new\""},
      {"is_gated_act", false, "is_gated_act is false"},
      {"is_encoder_decoder", false, "is_encoder_decoder is false"},
      {"quantization_config", {{"bits", 4}}, "quantization_config is {\"bits\":4}"},
      {"num_layers", 0, "num_layers: 0 is below 1"},
      {"num_layers", "two", "num_layers: expected an integer"},
      {"d_model", 1e300, "d_model: expected an integer"},
      {"d_model", -1, "d_model: -1 is below 1"},
      {"d_model", 9223372036854775808u, "d_model: 9223372036854775808 is above"},
      {"hidden_size", 16, "d_model is 8 but hidden_size is 16"},
      {"dropout_rate", 1.0, "dropout_rate: 1.0 is above"},
      {"layer_norm_epsilon", 0, "layer_norm_epsilon: 0 is below"},
      {"relative_attention_num_buckets", 7, "relative_attention_num_buckets 7 is odd"},
      {"relative_attention_max_distance", 4, "relative_attention_max_distance 4 must be above half"},
      {"pad_token_id", 24, "pad_token_id is 24; tandem needs one id below vocab_size 24"},
      {"pad_token_id", 1, "pad_token_id and eos_token_id are both 1"},
      {"eos_token_id", {1, 2}, "eos_token_id is [1,2]"},
      {"decoder_start_token_id", 2, "decoder_start_token_id is 2 and pad_token_id 0"},
      {"scale_decoder_outputs", "yes", "scale_decoder_outputs is \"yes\""}};
  for (const auto& [key, value, expected] : cases)
    EXPECT_THAT(refusal(with(key, value).dump()), AllOf(HasSubstr("config.json: "), HasSubstr(expected)));
}

TEST_F(ConfigOfT5, HostileTextsAreRefused) {
  EXPECT_THAT(refusal("[]"), HasSubstr("is no JSON object"));
  EXPECT_THAT(refusal("{\"model_type\": \"t5\""), HasSubstr("not JSON"));
  EXPECT_THAT(refusal("{\"d_model\": 1, \"d_model\": 2}"), HasSubstr("twice"));
  EXPECT_THAT(refusal(std::string(100000, '[')), HasSubstr("nested deeper"));
  EXPECT_THAT(refusal(std::string((1 << 20) + 1, ' ')), HasSubstr("are more than"));
  std::filesystem::remove(scratch_ / "config.json");
  EXPECT_THROW(read_t5_config(scratch_.path()), InputError);
}

TEST_F(ConfigOfT5, GenerationMustGoByTheSameIds) {
  const auto refused = [&](const json& generation) {
    checkpoint::write_bytes(scratch_ / "generation_config.json", generation.dump());
    return refusal(config_.dump());
  };
  EXPECT_EQ(refused({{"eos_token_id", 1}, {"pad_token_id", nullptr}, {"max_length", 20}}), "accepted");
  EXPECT_THAT(refused({{"eos_token_id", 2}}), HasSubstr("generation_config.json: eos_token_id is 2"));
  EXPECT_THAT(refused({{"decoder_start_token_id", 5}}), HasSubstr("decoder_start_token_id is 5"));
  EXPECT_THAT(refused(json::array()), HasSubstr("is no JSON object"));
}

}  // namespace
}  // namespace tandem::interop
