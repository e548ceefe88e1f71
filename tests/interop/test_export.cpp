// SPDX-License-Identifier: Apache-2.0
#include <list>
#include <map>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/fields.h"
#include "tandem/base/random.h"
#include "tandem/checkpoint/writer.h"
#include "tandem/interop/t5_export.h"
#include "tandem/model/tensor_table.h"
#include "tests/interop/hf_folder.h"

namespace tandem::testing {
namespace {

using checkpoint::DataType;
using checkpoint::Role;
using checkpoint::ScratchFolder;
using ::testing::HasSubstr;

model::ModelConfig tiny(model::Positions positions) {
  return {.encoder_layers = 1,
          .decoder_layers = 2,
          .hidden = 6,
          .heads = 3,
          .head_dim = 4,
          .feed_forward = 10,
          .vocabulary = 37,
          .positions = positions,
          .dropout = 0.1,
          .relative_buckets = 8,
          .relative_distance = 20,
          .norm_epsilon = 1e-5};
}

/// A step as a trained run has it: two moments beside the parameters, each tensor in several pieces.
class Exported : public ::testing::Test {
 protected:
  std::filesystem::path save(const model::ModelConfig& model, DataType type) {
    table_ = model::tensor_table(model, {model::all_layers(model)});
    std::vector<checkpoint::Piece> pieces;
    for (size_t tensor = 0; tensor < table_.size(); ++tensor) add_pieces(pieces, tensor, type);
    const checkpoint::StepDescription description{
        .run_id = std::string(32, '0'),
        .step = 7,
        .code_version = "test",
        .config = {{"model", nlohmann::json(config_to_json(model))}},
        .tokenizer = checkpoint::TokenizerFacts{.pad = 2, .eos = 5, .first_sentinel = -1},
        .roles = {{Role::kParameter, type}, {Role::kMoment1, type}, {Role::kMoment2, type}}};
    checkpoint::OneRank alone;
    return checkpoint::save_step({.folder = scratch_ / "run", .description = description, .tensors = table_},
                                 pieces, alone);
  }

  const ScratchFolder scratch_;
  std::vector<layout::TensorSpec> table_;
  std::map<std::string, std::string> parameters_;  // whole tensors

 private:
  void add_pieces(std::vector<checkpoint::Piece>& pieces, size_t tensor, DataType type) {
    const layout::Shape& shape = table_[tensor].shape;
    const int64_t count = layout::num_elements(shape), size = checkpoint::size_bytes(type);
    std::vector<std::span<const std::byte>> roles;
    for (const Role role : {Role::kParameter, Role::kMoment1, Role::kMoment2}) {
      std::string& bytes = buffers_.emplace_back(static_cast<size_t>(count * size), '\0');
      const CounterRandom random(3, "bytes", tensor * 3 + static_cast<size_t>(role));
      for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(random.below(i, 120));
      if (role == Role::kParameter) parameters_[table_[tensor].name] = bytes;
      roles.push_back(std::as_bytes(std::span(bytes)));
    }
    for (const auto& [begin, end] : {std::pair(int64_t{0}, count / 3), std::pair(count / 3, count)}) {
      checkpoint::Piece& piece = pieces.emplace_back(
          checkpoint::Piece{.tensor = tensor,
                            .range = {.box = layout::whole(shape), .begin = begin, .count = end - begin},
                            .values = {}});
      for (const auto& bytes : roles)
        piece.values.emplace_back(
            bytes.subspan(static_cast<size_t>(begin * size), static_cast<size_t>((end - begin) * size)));
    }
  }

  std::list<std::string> buffers_;
};

TEST_F(Exported, ATrainedStepGivesItsParameters) {
  const auto step = save(tiny(model::Positions::kRelativeBias), DataType::kF32);
  const auto result =
      interop::export_t5({.checkpoint = scratch_ / "run", .output = scratch_ / "hf", .progress = {}});
  EXPECT_EQ(result.step, step);
  const HfFolder folder = HfFolder::read(scratch_ / "hf");
  const auto part = [&](const std::string& name, size_t number, size_t parts) {
    const std::string& whole = parameters_.at(name);
    return whole.substr(whole.size() / parts * number, whole.size() / parts);
  };
  EXPECT_EQ(folder.tensors.at("shared.weight").bytes, part("embedding", 0, 1));
  const std::string self = "decoder.block.1.layer.0.SelfAttention.";
  EXPECT_EQ(folder.tensors.at(self + "v.weight").bytes,
            part("decoder.layer.1.self_attention.query_key_value", 2, 3));
  EXPECT_EQ(folder.tensors.at("decoder.block.1.layer.1.EncDecAttention.q.weight").bytes,
            part("decoder.layer.1.cross_attention.query", 0, 1));
  EXPECT_EQ(folder.tensors.at("encoder.block.0.layer.1.DenseReluDense.wi_1.weight").bytes,
            part("encoder.layer.0.feed_forward.gate_up", 1, 2));
  EXPECT_EQ(folder.tensors.at("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight").bytes,
            part("encoder.relative_bias", 0, 1));
  EXPECT_FALSE(folder.tensors.contains("lm_head.weight"));
  EXPECT_EQ(folder.config.at("pad_token_id"), 2);
  EXPECT_EQ(folder.config.at("eos_token_id"), 5);
  EXPECT_EQ(folder.config.at("decoder_start_token_id"), 2);
  EXPECT_EQ(folder.config.at("scale_decoder_outputs"), true);
  EXPECT_EQ(folder.config.at("dtype"), "float32");
  EXPECT_EQ(nlohmann::json::parse(read_file(scratch_ / "hf" / "generation_config.json")).at("eos_token_id"),
            5);
}

TEST_F(Exported, DoublesStayDoubles) {
  save(tiny(model::Positions::kRelativeBias), DataType::kF64);
  interop::export_t5({.checkpoint = scratch_ / "run", .output = scratch_ / "hf", .progress = {}});
  const HfFolder folder = HfFolder::read(scratch_ / "hf");
  EXPECT_EQ(folder.tensors.at("shared.weight").type, "F64");
  EXPECT_EQ(folder.tensors.at("shared.weight").bytes, parameters_.at("embedding"));
  EXPECT_EQ(folder.config.at("dtype"), "float64");
}

TEST_F(Exported, RotaryModelsAreRefusedByName) {
  save(tiny(model::Positions::kRotary), DataType::kF32);
  try {
    interop::export_t5({.checkpoint = scratch_ / "run", .output = scratch_ / "hf", .progress = {}});
    FAIL() << "exported";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("model.positions rotary"));
  }
  EXPECT_EQ(checkpoint::names_in(scratch_.path()), std::vector<std::string>{"run"});
}

TEST_F(Exported, ADamagedStepLeavesNothing) {
  const auto step = save(tiny(model::Positions::kRelativeBias), DataType::kF32);
  for (const std::string& name : checkpoint::names_in(step))
    if (name.ends_with(".safetensors")) std::filesystem::resize_file(step / name, 1000);
  EXPECT_THROW(interop::export_t5({.checkpoint = step, .output = scratch_ / "hf", .progress = {}}),
               EnvironmentError);
  EXPECT_EQ(checkpoint::names_in(scratch_.path()), std::vector<std::string>{"run"});
  EXPECT_THROW(
      interop::export_t5({.checkpoint = scratch_ / "none", .output = scratch_ / "hf", .progress = {}}),
      InputError);
}

TEST_F(Exported, ProgressEndsAtTheTotal) {
  save(tiny(model::Positions::kRelativeBias), DataType::kF32);
  int64_t last = 0, last_total = -1;
  interop::export_t5({.checkpoint = scratch_ / "run",
                      .output = scratch_ / "hf",
                      .progress = [&](int64_t done, int64_t total) {
                        EXPECT_GT(done, last);
                        last = done;
                        last_total = total;
                      }});
  EXPECT_EQ(last, last_total);
}

}  // namespace
}  // namespace tandem::testing
