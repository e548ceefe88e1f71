// SPDX-License-Identifier: Apache-2.0
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  description.roles = {Role::kParameter};
  StoredRole halves{.slices = {{.box = {.offset = {0, 0}, .extent = {2, 3}}, .file = 0, .position = 64},
                               {.box = {.offset = {2, 0}, .extent = {2, 3}}, .file = 1, .position = 64}}};
  return {.description = description,
          .saved_at = "2020-01-02T03:04:05Z",
          .tensors = {{.name = "w", .shape = {4, 3}, .roles = {{Role::kParameter, halves}}}},
          .files = {{.name = "a.safetensors", .bytes = 88}, {.name = "b.safetensors", .bytes = 100}}};
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
  return error_of(manifest.dump());
}

TEST(Manifest, TextBringsBackEverything) {
  const Manifest manifest = small_manifest();
  EXPECT_EQ(parse_manifest(to_text(manifest), "m"), manifest);
}

TEST(Manifest, TextHasOneTensorALine) {
  const std::string text = to_text(small_manifest());
  EXPECT_THAT(text, StartsWith("{\n \"format\": {\"major\":1,\"minor\":0},\n \"run\": {"));
  EXPECT_THAT(text,
              HasSubstr("\n  {\"name\":\"w\",\"shape\":[4,3],\"roles\":{\"parameter\":{\"dtype\":\"F32\","));
}

TEST(Manifest, EachCutIsRefused) {
  const std::string text = to_text(small_manifest());
  for (size_t length = 0; length + 1 < text.size(); ++length)
    EXPECT_THAT(error_of(text.substr(0, length)), StartsWith("environment: step/manifest.json")) << length;
}

TEST(Manifest, MissingMembersAreNamed) {
  const json whole = json::parse(to_text(small_manifest()));
  for (const auto& [key, value] : whole.items())
    EXPECT_THAT(error_after([&, name = key](json& m) { m.erase(name); }),
                testing::AllOf(StartsWith("environment: step/manifest.json"), HasSubstr(key)));
}

TEST(Manifest, LiesAreNamed) {
  const auto slice = [](json& m) -> json& { return m["tensors"][0]["roles"]["parameter"]["slices"][1]; };
  const std::vector<std::pair<std::function<void(json&)>, std::string>> cases{
      {[](json& m) { m["stepp"] = 1; }, "'stepp' is not known here"},
      {[](json& m) { m["step"] = -1; }, "'step' is -1"},
      {[](json& m) { m["step"] = 1e3; }, "'step' is not an integer"},
      {[](json& m) { m["step"] = 18446744073709551615u; }, "'step' is 18446744073709551615"},
      {[](json& m) { m["config"]["model"]["heads"] = 5; }, "config_hash"},
      {[](json& m) { m["mesh"]["data"] = "1"; }, "mesh: 'data' is not an integer"},
      {[](json& m) { m["tokenizer"]["pad"] = -1; }, "tokenizer: 'pad' is -1"},
      {[](json& m) { m["roles"][0] = "moment3"; }, "unknown role \"moment3\""},
      {[](json& m) { m["roles"].push_back("moment1"); }, "tensor w: 'moment1' is missing"},
      {[](json& m) { m["files"][0]["name"] = "../a"; }, "\"../a\" cannot be the name"},
      {[](json& m) { m["files"][0]["name"] = ".hidden"; }, "cannot be the name"},
      {[](json& m) { m["files"][0]["name"] = "manifest.json"; }, "cannot be the name"},
      {[](json& m) { m["files"][0]["name"] = "b.safetensors"; }, "cannot be the name"},
      {[](json& m) { m["files"][0]["bytes"] = 87; }, "slice [0:2, 0:3] lies beyond the end of a.safetensors"},
      {[](json& m) { m["tensors"].push_back(m["tensors"][0]); }, "tensor w: is listed twice"},
      {[](json& m) {
         m["tensors"][0]["shape"] = {5, 3};
       },
       "tensor w, parameter: slices cover 12 of 15"},
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
       "no list of sizes"},
      {[&](json& m) {
         slice(m)["offset"] = {1, 0};
       },
       "slices [0:2, 0:3] and [1:3, 0:3] overlap"},
      {[&](json& m) {
         slice(m)["extent"] = {1, 3};
       },
       "slices cover 9 of 12 elements"},
      {[&](json& m) {
         slice(m)["extent"] = {3, 3};
       },
       "does not lie inside the shape [4, 3]"},
      {[&](json& m) { slice(m)["extent"] = {2}; }, "does not lie inside the shape [4, 3]"},
      {[&](json& m) { slice(m)["file"] = 2; }, "points at file 2 of 2"},
      {[&](json& m) { slice(m)["position"] = int64_t{9223372036854775807}; }, "lies beyond the end"},
      {[&](json& m) { slice(m)["position"] = -8; }, "'position' is -8"},
      {[](json& m) { m["tensors"][0]["roles"]["parameter"]["dtype"] = "F16"; }, "unknown dtype 'F16'"},
      {[](json& m) { m["tensors"] = 3; }, "'tensors' is not a list"},
      {[](json& m) { m = json::array(); }, "is no JSON object"}};
  for (const auto& [edit, expected] : cases)
    EXPECT_THAT(error_after(edit),
                testing::AllOf(StartsWith("environment: step/manifest.json"), HasSubstr(expected)));
}

TEST(Manifest, ATextWithADoubledKeyOrAbsurdDepthIsRefused) {
  std::string text = to_text(small_manifest());
  EXPECT_THAT(error_of("{\"step\": 1," + text.substr(1)), HasSubstr("twice"));
  EXPECT_THAT(error_of("{\"config\":" + std::string(100, '[') + std::string(100, ']') + "}"),
              HasSubstr("nested deeper"));
}

TEST(Manifest, AnotherMajorVersionIsTheUsersToMend) {
  EXPECT_THAT(error_after([](json& m) {
                m = {{"format", {{"major", 2}, {"minor", 1}}}, {"all", "else differs"}};
              }),
              StartsWith("input: step/manifest.json: is of format 2.1, and this program reads 1.x"));
}

TEST(Manifest, ANewerMinorVersionMayAddMembers) {
  EXPECT_EQ(error_after([](json& m) {
              m["format"]["minor"] = Manifest::kMinor + 1;
              m["new"] = 1;
              m["files"][0]["crc"] = 2;
              m["tensors"][0]["roles"]["parameter"]["slices"][0]["crc"] = 3;
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
