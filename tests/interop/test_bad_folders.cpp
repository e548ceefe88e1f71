// SPDX-License-Identifier: Apache-2.0
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/checkpoint/reader.h"
#include "tandem/interop/t5_import.h"
#include "tests/interop/hf_folder.h"

namespace tandem::testing {
namespace {

using checkpoint::ScratchFolder;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kQuery = "decoder.block.0.layer.1.EncDecAttention.q.weight";

class BadFolders : public ::testing::Test {
 protected:
  // What importing a folder says, which must leave nothing.
  std::string refusal(const std::filesystem::path& folder) const {
    std::string message = "imported";
    try {
      interop::import_t5({.source = folder, .output = scratch_ / "out" / "model", .progress = {}});
    } catch (const InputError& error) {
      message = error.what();
    }
    if (std::filesystem::exists(scratch_ / "out")) {
      EXPECT_EQ(checkpoint::names_in(scratch_ / "out").size(), message == "imported" ? 1u : 0u) << message;
      std::filesystem::remove_all(scratch_ / "out");
    }
    EXPECT_EQ(message.find('\n'), std::string::npos);
    return message;
  }
  // The same for a good folder that was changed.
  std::string refusal_after(const std::function<void(HfFolder&)>& change,
                            const std::string& golden = "t5_tied_scaled") const {
    HfFolder folder = HfFolder::golden(golden);
    change(folder);
    folder.write(scratch_ / "in");
    return refusal(scratch_ / "in");
  }
  std::filesystem::path copy_of(const std::string& golden) const {
    std::filesystem::remove_all(scratch_ / "in");
    std::filesystem::copy(HfFolder::golden_path(golden), scratch_ / "in");
    return scratch_ / "in";
  }
  // A folder in shards whose index was changed.
  std::string refusal_of_index(const std::function<void(json&)>& change) const {
    const auto folder = copy_of("t5_shards");
    json index = json::parse(read_file(folder / "model.safetensors.index.json"));
    change(index);
    checkpoint::write_bytes(folder / "model.safetensors.index.json", index.dump());
    return refusal(folder);
  }

  const ScratchFolder scratch_;
};

TEST_F(BadFolders, MissingExtraAndMisshapenTensorsAreNamed) {
  EXPECT_EQ(refusal_after([](HfFolder&) {}), "imported");
  EXPECT_THAT(refusal_after([](HfFolder& f) { f.tensors.erase(kQuery); }),
              HasSubstr(std::string("tensor ") + kQuery + " is missing"));
  EXPECT_THAT(refusal_after([](HfFolder& f) { f.tensors.erase("shared.weight"); }),
              HasSubstr("tensor shared.weight is missing"));
  EXPECT_THAT(refusal_after([](HfFolder& f) { f.tensors["encoder.extra"] = f.tensors[kQuery]; }),
              HasSubstr("tensor encoder.extra is not one of this model"));
  EXPECT_THAT(refusal_after([](HfFolder& f) {
                f.tensors[kQuery].shape = {8, 12};
              }),
              HasSubstr(std::string("tensor ") + kQuery + " is [8, 12] there and [12, 8] by config.json"));
  EXPECT_THAT(refusal_after([](HfFolder& f) { f.config["num_decoder_layers"] = 3; }),
              AllOf(HasSubstr("tensor decoder.block.1."), HasSubstr("and 25 more")));
  EXPECT_THAT(refusal_after([](HfFolder& f) { f.config["vocab_size"] = 25; }),
              HasSubstr("tensor shared.weight is [24, 8] there and [25, 8] by config.json"));
  EXPECT_THAT(refusal_after([](HfFolder& f) { f.config["d_model"] = 1 << 20; }), HasSubstr("[24, 1048576]"));
}

TEST_F(BadFolders, TypesThatAreNoWeightsAreNamed) {
  EXPECT_THAT(refusal_after([](HfFolder& f) { f.tensors[kQuery].type = "I32"; }),
              HasSubstr(std::string("tensor ") + kQuery + " is I32; only F32"));
  EXPECT_THAT(refusal_after([](HfFolder& f) { f.tensors[kQuery].type = "X32"; }),
              HasSubstr(std::string(kQuery) + ": unknown dtype 'X32'"));
}

TEST_F(BadFolders, OtherSpellingsOfTheTableMustBeEqual) {
  const auto with_copies = [](HfFolder& folder) {
    for (const char* name : {"encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight"})
      folder.tensors[name] = folder.tensors["shared.weight"];
  };
  EXPECT_EQ(refusal_after(with_copies), "imported");
  EXPECT_EQ(refusal_after([&](HfFolder& folder) {
              with_copies(folder);
              folder.tensors.erase("shared.weight");
            }),
            "imported");
  EXPECT_EQ(refusal_after([&](HfFolder& folder) {
              folder.tensors["lm_head.weight"] = folder.tensors["shared.weight"];
              folder.tensors.erase("shared.weight");
            }),
            "imported");
  EXPECT_THAT(refusal_after([&](HfFolder& folder) {
                with_copies(folder);
                folder.tensors["decoder.embed_tokens.weight"].bytes.back() ^= 1;
              }),
              HasSubstr("decoder.embed_tokens.weight differs from shared.weight"));
}

TEST_F(BadFolders, AScaledHeadOfItsOwnIsRefused) {
  EXPECT_THAT(refusal_after([](HfFolder& f) { f.config["scale_decoder_outputs"] = true; }, "flan_t5_untied"),
              HasSubstr("lm_head.weight differs from shared.weight while config.json scales"));
}

TEST_F(BadFolders, ATableOfEarlyFilesIsPassedOver) {
  const std::string unused = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight";
  EXPECT_EQ(refusal_after([&](HfFolder& f) {
              f.tensors[unused] =
                  f.tensors["decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"];
            }),
            "imported");
}

TEST_F(BadFolders, PartsOfSeveralTypesBecomeTheWiderOne) {
  HfFolder folder = HfFolder::golden("t5_bfloat16_shards");
  const std::string key = "encoder.block.0.layer.0.SelfAttention.k.weight";
  std::string wide;  // BF16 is the upper half of F32
  for (size_t i = 0; i < folder.tensors[key].bytes.size(); i += 2)
    wide += std::string(2, '\0') + folder.tensors[key].bytes.substr(i, 2);
  folder.tensors[key] = {.type = "F32", .shape = folder.tensors[key].shape, .bytes = wide};
  folder.write(scratch_ / "mixed");
  interop::import_t5({.source = scratch_ / "mixed", .output = scratch_ / "a", .progress = {}});
  interop::import_t5(
      {.source = HfFolder::golden_path("t5_bfloat16_shards"), .output = scratch_ / "b", .progress = {}});
  const auto values = [&](const char* name) {
    const auto reader = checkpoint::StepReader::open(scratch_ / name);
    std::string bytes(size_t{3} * 12 * 8 * 4, '\0');
    reader.read({.tensor = "encoder.layer.0.attention.query_key_value", .slice = layout::whole({3, 12, 8})},
                checkpoint::DataType::kF32, std::as_writable_bytes(std::span(bytes)));
    return bytes;
  };
  EXPECT_EQ(values("a"), values("b"));
}

TEST_F(BadFolders, EachCutOfTheWeightsIsRefused) {
  const auto folder = copy_of("t5_tied_scaled");
  const std::string whole = read_file(folder / "model.safetensors");
  for (size_t length = 0; length < whole.size(); length += 1 + length / 7) {
    checkpoint::write_bytes(folder / "model.safetensors", whole.substr(0, length));
    EXPECT_THAT(refusal(folder), HasSubstr("model.safetensors: ")) << length;
  }
  checkpoint::write_bytes(folder / "model.safetensors", whole + "x");
  EXPECT_THAT(refusal(folder), HasSubstr("its header describes"));
  checkpoint::write_bytes(folder / "model.safetensors", std::string("\0\0\0\0\0\0\0\x80{}", 10));
  EXPECT_THAT(refusal(folder), HasSubstr("says its header has 9223372036854775808 bytes"));
}

TEST_F(BadFolders, AnIndexThatLiesIsRefused) {
  EXPECT_EQ(refusal_of_index([](json&) {}), "imported");
  for (const char* name : {"../model-00001-of-00004.safetensors", "/etc/passwd", "..", "", "a/b.safetensors",
                           ".hidden.safetensors", "pytorch_model.bin", "a\n.safetensors"})
    EXPECT_THAT(refusal_of_index([&](json& index) { index["weight_map"]["shared.weight"] = name; }),
                HasSubstr("weight_map puts shared.weight into"));
  EXPECT_THAT(refusal_of_index([](json& index) { index["weight_map"]["shared.weight"] = 7; }),
              HasSubstr("weight_map puts shared.weight into 7"));
  EXPECT_THAT(
      refusal_of_index([](json& index) { index["weight_map"]["shared.weight"] = "none.safetensors"; }),
      HasSubstr("none.safetensors does not exist"));
  EXPECT_THAT(refusal_of_index([](json& index) { index["weight_map"].erase("shared.weight"); }),
              HasSubstr("holds shared.weight, which weight_map does not put there"));
  EXPECT_THAT(
      refusal_of_index([](json& index) { index["weight_map"]["more"] = index["weight_map"][kQuery]; }),
      AllOf(HasSubstr("weight_map puts more into"), HasSubstr("which does not hold it")));
  EXPECT_THAT(refusal_of_index([](json& index) { index["weight_map"] = json::array(); }),
              HasSubstr("has no object 'weight_map'"));
  EXPECT_THAT(refusal_of_index([](json& index) { index["weight_map"] = json::object(); }),
              HasSubstr("is empty"));
  EXPECT_THAT(refusal_of_index([](json& index) { index = json::array(); }), HasSubstr("weight_map"));
}

TEST_F(BadFolders, ATensorInTwoShardsIsRefused) {
  const auto folder = copy_of("t5_shards");
  std::filesystem::copy(folder / "model-00001-of-00004.safetensors", folder / "twice.safetensors");
  json index = json::parse(read_file(folder / "model.safetensors.index.json"));
  index["weight_map"]["more"] = "twice.safetensors";
  checkpoint::write_bytes(folder / "model.safetensors.index.json", index.dump());
  EXPECT_THAT(refusal(folder), AllOf(HasSubstr("twice.safetensors: "), HasSubstr("as well")));
}

TEST_F(BadFolders, FoldersWithoutSafetensorsAreRefused) {
  const auto folder = copy_of("t5_tied_scaled");
  std::filesystem::remove(folder / "model.safetensors");
  EXPECT_THAT(refusal(folder), HasSubstr("holds neither model.safetensors nor"));
  checkpoint::write_bytes(folder / "pytorch_model.bin", "pickle");
  EXPECT_THAT(refusal(folder), HasSubstr("pytorch_model.bin is pickled, and pickles are never read"));
  std::filesystem::create_directory(folder / "model.safetensors");
  EXPECT_THAT(refusal(folder), HasSubstr("is not a regular file"));
  EXPECT_THAT(refusal(scratch_ / "none"), HasSubstr("config.json does not exist"));
  std::filesystem::remove(folder / "config.json");
  EXPECT_THAT(refusal(folder), HasSubstr("config.json does not exist"));
}

TEST_F(BadFolders, WeightsThatAreNotFiniteAreNamed) {
  const std::string infinity("\x00\x00\x80\xff", 4), nan("\x01\x00\xc0\x7f", 4);
  for (const std::string& value : {infinity, nan}) {
    const auto spoil = [&](HfFolder& f) { f.tensors[kQuery].bytes.replace(4 * 7, 4, value); };
    EXPECT_THAT(refusal_after(spoil),
                HasSubstr(std::string("tensor ") + kQuery + " is not finite at element 7"));
  }
  EXPECT_THAT(refusal_after([](HfFolder& f) {
                HfTensorBytes& tensor = f.tensors[kQuery];
                tensor.type = "F16";
                tensor.bytes.assign(tensor.bytes.size() / 2, '\0');
                tensor.bytes.replace(tensor.bytes.size() - 2, 2, "\x00\x7c", 2);
              }),
              HasSubstr(" is not finite at element 95"));
  EXPECT_THAT(refusal_after([](HfFolder& f) {
                HfTensorBytes& tensor = f.tensors[kQuery];
                tensor.type = "BF16";
                tensor.bytes.assign(tensor.bytes.size() / 2, '\0');
                tensor.bytes.replace(0, 2, "\x80\x7f", 2);
              }),
              HasSubstr(" is not finite at element 0"));
}

TEST_F(BadFolders, OfAFileAndAnIndexTheFileIsTakenAndThatIsSaid) {
  HfFolder::golden("t5_tied_scaled").write(scratch_ / "in");
  checkpoint::write_bytes(scratch_ / "in" / "model.safetensors.index.json", "{}");
  const interop::T5Imported imported =
      interop::import_t5({.source = scratch_ / "in", .output = scratch_ / "model", .progress = {}});
  EXPECT_THAT(imported.notes, ::testing::Contains(AllOf(HasSubstr("model.safetensors is taken"),
                                                        HasSubstr("model.safetensors.index.json is not"))));
}

TEST_F(BadFolders, LinksAreFollowedAsInTheCacheOfTransformers) {
  std::filesystem::create_directory(scratch_ / "links");
  for (const std::string& name : checkpoint::names_in(HfFolder::golden_path("t5_shards")))
    std::filesystem::create_symlink(HfFolder::golden_path("t5_shards") / name, scratch_ / "links" / name);
  EXPECT_EQ(refusal(scratch_ / "links"), "imported");
}

}  // namespace
}  // namespace tandem::testing
