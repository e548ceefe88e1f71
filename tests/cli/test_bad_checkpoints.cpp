// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process.h"
#include "tests/checkpoint/resealed.h"
#include "tests/interop/hf_folder.h"

namespace tandem::cli {
namespace {

using nlohmann::json;
using tandem::testing::HfFolder;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// What the commands say to a folder that is no checkpoint, or one that lies.
class BadCheckpoints : public ::testing::Test {
 protected:
  void SetUp() override {
    const Finished imported = run_tandem({"checkpoint", "import", "--from", "hf",
                                          HfFolder::golden_path("t5_tied_scaled"), "--output", model_});
    ASSERT_EQ(imported.code, 0) << imported.err;
    manifest_ = json::parse(checkpoint::bytes_of(step_ / checkpoint::Manifest::kFileName));
  }

  void write(const std::string& manifest) const {
    checkpoint::write_bytes(step_ / checkpoint::Manifest::kFileName, manifest);
  }
  void write_changed(const std::function<void(json&)>& change) const {
    json changed = manifest_;
    change(changed);
    write(checkpoint::resealed(std::move(changed)));
  }

  // Each command that reads, on one step's folder.
  std::vector<std::vector<std::string>> readers(const std::string& folder) const {
    const std::string out = scratch_ / "out";
    return {{"inspect", folder},
            {"inspect", folder, "--ranks", "--json"},
            {"verify", folder},
            {"diff", folder, folder},
            {"reshard", folder, "--output", out, "--data", "1", "--tensor", "1", "--pipeline", "1"},
            {"export", "--to", "hf", folder, "--output", out}};
  }
  // All of them end with this code and one line, and leave nothing.
  void expect_refusals(int code, const std::string& part, const std::string& folder) const {
    const std::vector<std::string> before = checkpoint::names_in(scratch_.path());
    for (std::vector<std::string> arguments : readers(folder)) {
      const std::string command = arguments[0];
      arguments.insert(arguments.begin(), "checkpoint");
      const Finished finished = run_tandem(std::move(arguments));
      EXPECT_EQ(finished.code, code) << command << ": " << finished.err;
      EXPECT_THAT(finished.err, AllOf(StartsWith("error: "), HasSubstr(part), EndsWith("\n"))) << command;
      EXPECT_EQ(std::ranges::count(finished.err, '\n'), 1) << command << ": " << finished.err;
      EXPECT_EQ(checkpoint::names_in(scratch_.path()), before) << command;
    }
  }
  void expect_refusals(int code, const std::string& part) const { expect_refusals(code, part, step_); }

  const checkpoint::ScratchFolder scratch_;
  const std::filesystem::path model_ = scratch_ / "model", step_ = model_ / "step_00000000";
  json manifest_;
};

TEST_F(BadCheckpoints, FoldersWithoutAStepAreToldFromDamagedOnes) {
  std::filesystem::create_directory(scratch_ / "empty");
  checkpoint::write_bytes(scratch_ / "file", "text");
  for (const char* name : {"empty", "file", "absent"})
    expect_refusals(2, std::string(name) + ": holds no checkpoint; give the folder", scratch_ / name);
  std::filesystem::remove(step_ / checkpoint::Manifest::kFileName);
  expect_refusals(2, "holds no checkpoint");  // nor is it a step without its manifest
  expect_refusals(3, "none of its 1 steps is whole", model_);
}

TEST_F(BadCheckpoints, AnUnknownFormatIsTheUsersToMend) {
  write_changed([](json& m) { m = {{"format", {{"major", 2}, {"minor", 0}}}, {"all", "else differs"}}; });
  expect_refusals(2, "is of format 2.0, and this program reads 1.x");
  write_changed([](json& m) { m["format"]["features"] = {"folding"}; });
  expect_refusals(2, "needs the feature \"folding\"");
}

TEST_F(BadCheckpoints, LiesOfAManifestAreNamed) {
  const auto range = [](json& m) -> json& { return m["files"][0]["ranges"][0]; };
  const std::vector<std::pair<std::function<void(json&)>, std::string>> lies{
      {[&](json& m) { m["files"][0]["ranges"][1] = range(m); }, "do not make"},
      {[&](json& m) { m["tensors"][0]["shape"][0] = m["tensors"][0]["shape"][0].get<int>() + 1; },
       "tensor embedding: slices cover 192 of 200 elements"},
      {[&](json& m) { range(m)[3] = 1; }, "does not lie inside the shape"},
      {[](json& m) { m["files"][0]["data_begin"] = 1 << 30; }, "do not make"},
      {[](json& m) { m["files"][0]["bytes"] = uint64_t{1} << 63; }, "'bytes' is 9223372036854775808"},
      {[](json& m) { m["files"][0]["data_begin"] = INT64_MAX - 7; }, "do not make"},
      {[](json& m) {
         m["tensors"][0]["shape"] = {int64_t{1} << 40, int64_t{1} << 40};
       },
       "is no shape"},
      {[](json& m) { m["files"][0]["name"] = "../../model/step_00000000/a"; }, "cannot be the name"},
      {[](json& m) { m["files"][0]["name"] = "/etc/passwd"; }, "\"/etc/passwd\" cannot be the name"},
      {[](json& m) { m["files"][0]["name"] = "a\nb"; }, "\"a\\nb\" cannot be the name"},
      {[](json& m) { m["files"][0].erase("crc32c"); }, "'crc32c' is missing"},
      {[](json& m) { m["files"][0].erase("chunk_crc32c"); }, "'chunk_crc32c' is missing"},
      {[](json& m) { m["files"][0]["chunk_crc32c"] = ""; }, "has checksums of 0 chunks, and 1 chunks"}};
  for (const auto& [lie, part] : lies) {
    write_changed(lie);
    expect_refusals(3, part);
  }
}

TEST_F(BadCheckpoints, AbsurdDepthAndAMissingSealAreRefused) {
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  write(checkpoint::sealed("{\"config\":" + deep));
  expect_refusals(3, "manifest.json: nested deeper than 64");
  json unsealed = manifest_;
  unsealed.erase("sha256");
  write(unsealed.dump());
  expect_refusals(3, "manifest.json: is torn or damaged");
}

TEST_F(BadCheckpoints, ATensorThatTheModelDoesNotHaveSoIsNamedWithBothShapes) {
  write_changed([](json& m) {
    m["config"]["model"]["hidden"] = 16;
    m["config_hash"] = checkpoint::hash_of(m["config"]);
  });
  for (auto arguments : {readers(step_)[4], readers(step_)[5]}) {
    arguments.insert(arguments.begin(), "checkpoint");
    const Finished finished = run_tandem(arguments);
    EXPECT_EQ(finished.code, 2) << finished.err;
    EXPECT_THAT(finished.err, HasSubstr("tensor embedding is [24, 8] there and [24, 16] in the model"));
  }
}

}  // namespace
}  // namespace tandem::cli
