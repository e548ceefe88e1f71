// SPDX-License-Identifier: Apache-2.0
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "resealed.h"
#include "stored_model.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/manifest.h"

namespace tandem::checkpoint {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

Manifest small_manifest() {
  StepDescription description = described_step(9, {});
  description.roles = {{.role = Role::kMoment1, .type = DataType::kF64}, {.role = Role::kParameter}};
  const auto half = [](int64_t row) {
    return StoredRange{.range = layout::range_of({.offset = {row, 0}, .extent = {2, 3}})};
  };
  const StoredRange rest{.range = {.box = layout::whole({4, 3}), .begin = 6, .count = 6}};
  return {.description = description,
          .saved_at = "2020-01-02T03:04:05Z",
          .chunk_bytes = 80,
          .tensors = {{.name = "w", .shape = {4, 3}}},
          .files = {{.name = "a.safetensors",
                     .bytes = 64 + 6 * 12,
                     .data_begin = 64,
                     .chunk_sums = {1, 0xABCDEF01},
                     .ranges = {half(0)}},
                    {.name = "b.safetensors",
                     .bytes = 8 + 6 * 12,
                     .data_begin = 8,
                     .chunk_sums = {0xFFFFFFFF},
                     .ranges = {rest}}}};
}

// Returns "kind: message" of the error that a text gives.
std::string error_of(const std::string& text) {
  try {
    parse_manifest(text, "step/manifest.json");
  } catch (const EnvironmentError& error) {
    return std::string("environment: ") + error.what();
  } catch (const InputError& error) {
    return std::string("input: ") + error.what();
  }
  return "read";
}

std::string error_after(const std::function<void(json&)>& edit) {
  json manifest = json::parse(to_text(small_manifest()));
  edit(manifest);
  return error_of(resealed(manifest));
}

TEST(Manifest, TextBringsBackEverything) {
  const Manifest manifest = small_manifest();
  EXPECT_EQ(parse_manifest(to_text(manifest), "m"), manifest);
}

TEST(Manifest, TextHasOneTensorALineAndEndsWithItsSeal) {
  const std::string text = to_text(small_manifest());
  EXPECT_THAT(text, StartsWith("{\n \"format\": {\"major\":1,\"minor\":0,\"features\":[]},\n \"run\": {"));
  EXPECT_THAT(text, HasSubstr("\n  {\"name\":\"w\",\"shape\":[4,3]}\n ]"));
  EXPECT_THAT(text, testing::ContainsRegex(",\n \"sha256\":\"[0-9a-f]{64}\"}\n$"));
}

TEST(Manifest, PositionsFollowFromTheOrderOfRolesAndRanges) {
  Manifest manifest = small_manifest();
  StoredFile& file = manifest.files[0];
  file.ranges.push_back({.range = file.ranges[0].range, .first = 6});
  EXPECT_EQ(manifest.position_of(file, file.ranges[1], 0), 64 + 6 * 8);
  EXPECT_EQ(manifest.position_of(file, file.ranges[1], 1), 64 + 12 * 8 + 6 * 4);
  EXPECT_EQ(manifest.find_role(Role::kParameter), 1u);
  EXPECT_EQ(manifest.find_role(Role::kMoment2), std::nullopt);
}

TEST(Manifest, EachFlippedBitIsFound) {
  const std::string text = to_text(small_manifest());
  for (size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    ASSERT_THAT(error_of(flipped), StartsWith("environment: step/manifest.json: is torn or damaged")) << bit;
  }
}

TEST(Manifest, EachCutIsRefused) {
  const std::string text = to_text(small_manifest());
  for (size_t length = 0; length < text.size(); ++length)
    EXPECT_THAT(error_of(text.substr(0, length)), StartsWith("environment: step/manifest.json")) << length;
}

TEST(Manifest, MissingMembersAreNamed) {
  const json whole = json::parse(to_text(small_manifest()));
  for (const auto& [key, value] : whole.items()) {
    if (key == "sha256") continue;
    EXPECT_THAT(error_after([&, name = key](json& m) { m.erase(name); }),
                testing::AllOf(StartsWith("environment: step/manifest.json"), HasSubstr(key)));
  }
}

TEST(Manifest, LiesAreNamed) {
  const auto range = [](json& m) -> json& { return m["files"][1]["ranges"][0]; };
  const std::vector<std::pair<std::function<void(json&)>, std::string>> cases{
      {[](json& m) { m["stepp"] = 1; }, "'stepp' is not known here"},
      {[](json& m) { m["step"] = -1; }, "'step' is -1"},
      {[](json& m) { m["step"] = 1e3; }, "'step' is not an integer"},
      {[](json& m) { m["step"] = 18446744073709551615u; }, "'step' is 18446744073709551615"},
      {[](json& m) { m["config"]["model"]["heads"] = 5; }, "config_hash"},
      {[](json& m) { m["mesh"]["data"] = "1"; }, "mesh: 'data' is not an integer"},
      {[](json& m) { m["tokenizer"]["pad"] = -1; }, "tokenizer: 'pad' is -1"},
      {[](json& m) { m["validation_loss"] = "low"; }, "'validation_loss' is no number"},
      {[](json& m) { m["roles"][0]["role"] = "moment3"; }, "cannot have the role 'moment3'"},
      {[](json& m) { m["roles"].push_back(m["roles"][1]); }, "cannot have the role 'parameter'"},
      {[](json& m) { m["roles"] = json::array(); }, "'roles' is empty"},
      {[](json& m) { m["roles"][0]["dtype"] = "F16"; }, "role moment1: unknown dtype 'F16'"},
      {[](json& m) { std::swap(m["roles"][0], m["roles"][1]); }, "larger elements than the one before"},
      {[](json& m) { m["chunk_bytes"] = 0; }, "'chunk_bytes' is 0"},
      {[](json& m) { m["chunk_bytes"] = 84; }, "no multiple of 8"},
      {[](json& m) { m["files"][0]["name"] = "../a"; }, "\"../a\" cannot be the name"},
      {[](json& m) { m["files"][0]["name"] = ".hidden"; }, "cannot be the name"},
      {[](json& m) { m["files"][0]["name"] = "manifest.json"; }, "cannot be the name"},
      {[](json& m) { m["files"][0]["name"] = "b.safetensors"; }, "cannot be the name"},
      {[](json& m) { m["files"][0]["bytes"] = 135; }, "64 bytes and 6 elements do not make 135 bytes"},
      {[](json& m) { m["files"][0]["data_begin"] = 60; }, "do not make 136 bytes"},
      {[](json& m) {
         m["files"][0]["data_begin"] = INT64_MAX - 7 - 72;
         m["files"][0]["bytes"] = INT64_MAX - 7;
       },
       "checksums of 2 chunks, and 115292150460684698 chunks"},
      {[](json& m) { m["files"][0]["data_begin"] = INT64_MAX - 7; }, "do not make 136 bytes"},
      {[](json& m) { m["files"][0]["chunk_crc32c"] = "00000001"; }, "checksums of 1 chunks, and 2 chunks"},
      {[](json& m) { m["files"][0]["chunk_crc32c"] = "0000001"; }, "eight hexadecimal digits"},
      {[](json& m) { m["files"][0]["chunk_crc32c"] = "0000000gabcdef01"; }, "eight hexadecimal digits"},
      {[](json& m) { m["files"][0]["crc32c"] = "00000001"; }, "do not make that of the file"},
      {[](json& m) { m["tensors"].push_back(m["tensors"][0]); }, "tensor w: is listed twice"},
      {[](json& m) {
         m["tensors"][0]["shape"] = {5, 3};
       },
       "tensor w: slices cover 12 of 15"},
      {[](json& m) {
         m["tensors"][0]["shape"] = {int64_t{1} << 40, int64_t{1} << 40};
       },
       "is no shape"},
      {[](json& m) {
         m["tensors"][0]["shape"] = {0, 3};
       },
       "is no shape"},
      {[](json& m) {
         m["tensors"][0]["shape"] = {-4, 3};
       },
       "-4 is no size"},
      {[](json& m) { m["tensors"][0]["shape"] = std::vector<int>(9, 1); }, "too many dims"},
      {[&](json& m) { range(m) = {0, 3, 6, 0, 0, 4, 3}; }, "slices [0:2, 0:3] and [1:3, 0:3] overlap"},
      {[&](json& m) { range(m) = {0, 0, 9, 0, 0, 4, 3}; }, "do not make 80 bytes"},
      {[&](json& m) { range(m) = {0, 7, 6, 0, 0, 4, 3}; }, "from 7 on, 6 of them, of a box of 12"},
      {[&](json& m) { range(m) = {0, int64_t{1} << 56, 6, 0, 0, 4, 3}; }, "of a box of 12"},
      {[&](json& m) { range(m) = {0, 0, 0, 0, 0, 4, 3}; }, "of a box of 12"},
      {[&](json& m) { range(m) = {0, 0, 6, 3, 0, 2, 3}; },
       "in the box at [3, 0] of extent [2, 3] does not lie inside the shape [4, 3]"},
      {[&](json& m) { range(m) = {0, 0, 6, 0, 0, 9223372036854775807, 3}; },
       "9223372036854775807 is no size"},
      {[&](json& m) { range(m) = {1, 0, 6, 0, 0, 4, 3}; }, "a range of tensor 1 of 1"},
      {[&](json& m) {
         range(m) = {0, 0, 6, 0, 4};
       },
       "has a bad range of w"},
      {[&](json& m) { range(m) = 3; }, "has a bad range"},
      {[](json& m) { m["files"].erase(0); }, "tensor w: slices cover 6 of 12"},
      {[](json& m) { m["files"][0].erase("chunk_crc32c"); }, "files: 'chunk_crc32c' is missing"},
      {[](json& m) { m["files"][0].erase("crc32c"); }, "files: 'crc32c' is missing"},
      {[](json& m) { m["files"][0]["chunk_crc32c"] = ""; }, "checksums of 0 chunks, and 2 chunks"},
      {[](json& m) { m["files"][0]["crc32c"] = ""; }, "do not make that of the file"},
      {[](json& m) { m["tensors"] = 3; }, "'tensors' is not a list"},
      {[](json& m) { m["tensors"] = {3}; }, "is no JSON object"}};
  for (const auto& [edit, expected] : cases)
    EXPECT_THAT(error_after(edit),
                testing::AllOf(StartsWith("environment: step/manifest.json"), HasSubstr(expected)));
}

TEST(Manifest, ATextWithADoubledKeyOrAbsurdDepthIsRefused) {
  std::string text = to_text(small_manifest());
  const std::string body = text.substr(0, text.find(",\n \"sha256\""));
  EXPECT_THAT(error_of(sealed("{\"step\": 1," + body.substr(1))), HasSubstr("twice"));
  EXPECT_THAT(error_of(sealed("{\"config\":" + std::string(100, '[') + std::string(100, ']'))),
              HasSubstr("nested deeper"));
}

TEST(Manifest, AnotherMajorVersionIsTheUsersToMend) {
  EXPECT_THAT(error_after([](json& m) {
                m = {{"format", {{"major", 2}, {"minor", 1}}}, {"all", "else differs"}};
              }),
              StartsWith("input: step/manifest.json: is of format 2.1, and this program reads 1.x"));
}

TEST(Manifest, AFeatureThatIsNotKnownIsTheUsersToMend) {
  EXPECT_THAT(error_after([](json& m) { m["format"]["features"] = {"folding"}; }),
              StartsWith("input: step/manifest.json: needs the feature \"folding\""));
}

TEST(Manifest, ANewerMinorVersionMayAddMembers) {
  EXPECT_EQ(error_after([](json& m) {
              m["format"]["minor"] = Manifest::kMinor + 1;
              m["new"] = 1;
              m["files"][0]["new"] = 2;
              m["tensors"][0]["new"] = 3;
            }),
            "read");
}

TEST(Manifest, HashOfAConfigurationIgnoresTheOrderOfKeys) {
  EXPECT_EQ(hash_of(json::parse(R"({"a": 1, "b": 0.1})")), hash_of(json::parse(R"({"b": 0.1, "a": 1})")));
  EXPECT_NE(hash_of(json::parse(R"({"a": 1})")), hash_of(json::parse(R"({"a": 2})")));
  EXPECT_EQ(hash_of(json::object()).size(), 32u);
}

}  // namespace
}  // namespace tandem::checkpoint
