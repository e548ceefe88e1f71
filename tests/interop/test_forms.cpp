// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/checkpoint/reader.h"
#include "tandem/infer/model_facts.h"
#include "tandem/interop/half.h"
#include "tandem/interop/t5_export.h"
#include "tandem/interop/t5_import.h"
#include "tests/interop/hf_folder.h"

namespace tandem::testing {
namespace {

using checkpoint::DataType;
using checkpoint::Role;
using checkpoint::ScratchFolder;
using checkpoint::StepReader;
using interop::ImportedHead;

struct Form {
  const char* name;
  ImportedHead head;
};

const Form kForms[] = {
    {"t5_tied_scaled", ImportedHead::kTied},       {"t5_tied_unscaled", ImportedHead::kTiedUnscaled},
    {"flan_t5_untied", ImportedHead::kUntied},     {"mt5", ImportedHead::kTiedUnscaled},
    {"mt5_untied", ImportedHead::kUntied},         {"t5_shards", ImportedHead::kTied},
    {"t5_bfloat16_shards", ImportedHead::kUntied}, {"t5_float16", ImportedHead::kTied}};

class Forms : public ::testing::TestWithParam<Form> {
 protected:
  Forms()
      : original_(HfFolder::golden(GetParam().name)),
        imported_(interop::import_t5({.source = HfFolder::golden_path(GetParam().name),
                                      .output = scratch_ / "tandem",
                                      .progress = {}})) {}

  HfTensors expected() const {
    HfTensors tensors = original_.tensors;
    for (auto& [name, tensor] : tensors)
      if (tensor.type == "F16") {
        std::string wide(2 * tensor.bytes.size(), '\0');
        interop::widen_half(std::as_bytes(std::span(tensor.bytes)), std::as_writable_bytes(std::span(wide)));
        tensor = {.type = "F32", .shape = tensor.shape, .bytes = wide};
      }
    if (GetParam().head == ImportedHead::kTiedUnscaled) tensors["lm_head.weight"] = tensors["shared.weight"];
    return tensors;
  }

  const ScratchFolder scratch_;
  const HfFolder original_;
  const interop::T5Imported imported_;
};

INSTANTIATE_TEST_SUITE_P(All, Forms, ::testing::ValuesIn(kForms),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(Forms, GoInAndOutBitIdentical) {
  EXPECT_EQ(imported_.head, GetParam().head);
  interop::export_t5({.checkpoint = scratch_ / "tandem", .output = scratch_ / "again", .progress = {}});
  const HfFolder again = HfFolder::read(scratch_ / "again");
  EXPECT_EQ(again.tensors, expected());
  for (const char* key :
       {"vocab_size", "d_model", "d_kv", "d_ff", "num_heads", "num_layers", "num_decoder_layers",
        "relative_attention_num_buckets", "relative_attention_max_distance", "layer_norm_epsilon",
        "dropout_rate", "feed_forward_proj", "pad_token_id", "eos_token_id", "is_encoder_decoder"})
    EXPECT_EQ(again.config.at(key), original_.config.at(key)) << key;
  const bool scales = GetParam().head == ImportedHead::kTied;
  EXPECT_EQ(again.config.at("scale_decoder_outputs"), scales);
  EXPECT_EQ(again.config.at("tie_word_embeddings"), scales);
  EXPECT_EQ(again.config.at("decoder_start_token_id"), 0);
}

TEST_P(Forms, WhatIsExportedIsImportedToTheSameCheckpoint) {
  interop::export_t5({.checkpoint = scratch_ / "tandem", .output = scratch_ / "again", .progress = {}});
  interop::import_t5({.source = scratch_ / "again", .output = scratch_ / "second", .progress = {}});
  const StepReader first = StepReader::open(scratch_ / "tandem"),
                   second = StepReader::open(scratch_ / "second");
  EXPECT_EQ(first.manifest().description, second.manifest().description);
  EXPECT_EQ(first.manifest().tensors, second.manifest().tensors);
}

TEST_P(Forms, TheCheckpointSaysWhatItIs) {
  const StepReader reader = StepReader::open(scratch_ / "tandem");
  EXPECT_EQ(reader.manifest().description.step, 0);
  ASSERT_EQ(reader.manifest().description.roles.size(), 1u);
  EXPECT_EQ(reader.manifest().description.roles[0].role, Role::kParameter);
  const model::ModelConfig model = infer::model_config_of(reader);
  EXPECT_EQ(model.positions, model::Positions::kRelativeBias);
  EXPECT_EQ(model.decoder_layers, original_.config.at("num_decoder_layers"));
  EXPECT_EQ(model.relative_buckets, original_.config.at("relative_attention_num_buckets"));
  EXPECT_EQ(model.norm_epsilon, original_.config.at("layer_norm_epsilon"));
  EXPECT_EQ(model.tied_head, GetParam().head == ImportedHead::kTied);
  EXPECT_EQ(infer::special_ids_of(reader).eos, 1);
}

TEST_P(Forms, FusedTensorsHoldTheirPartsInOrder) {
  const StepReader reader = StepReader::open(scratch_ / "tandem");
  const model::ModelConfig model = infer::model_config_of(reader);
  const HfTensors wanted = expected();
  const auto expect_part = [&](const std::string& tensor, int64_t part, const std::string& name) {
    const HfTensorBytes& right = wanted.at(name);
    std::string bytes(right.bytes.size(), '\0');
    reader.read(
        {.tensor = tensor, .slice = {.offset = {part, 0, 0}, .extent = {1, right.shape[0], right.shape[1]}}},
        checkpoint::data_type_named(right.type).value(), std::as_writable_bytes(std::span(bytes)));
    EXPECT_EQ(bytes, right.bytes) << name;
  };
  const int64_t last = model.decoder_layers - 1;
  const std::string ours = fmt::format("decoder.layer.{}.", last),
                    theirs = fmt::format("decoder.block.{}.layer.", last);
  int64_t part = 0;
  for (const char* matrix : {"q", "k", "v"})
    expect_part(ours + "self_attention.query_key_value", part++,
                theirs + "0.SelfAttention." + matrix + ".weight");
  expect_part(ours + "cross_attention.key_value", 0, theirs + "1.EncDecAttention.k.weight");
  expect_part(ours + "cross_attention.key_value", 1, theirs + "1.EncDecAttention.v.weight");
  expect_part(ours + "feed_forward.gate_up", 0, theirs + "2.DenseReluDense.wi_0.weight");
  expect_part(ours + "feed_forward.gate_up", 1, theirs + "2.DenseReluDense.wi_1.weight");
  expect_part("encoder.layer.0.attention.query_key_value", 2,
              "encoder.block.0.layer.0.SelfAttention.v.weight");
}

}  // namespace
}  // namespace tandem::testing
