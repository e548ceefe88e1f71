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
  const std::string missing = "step_00000000/manifest.json: cannot open it: No such file";
  expect_refusals(3, missing, step_.string() + "/");
  expect_refusals(3, missing, model_);
}

TEST_F(BadCheckpoints, VerifySpeaksOfTheNewestStepHoweverDamaged) {
  const std::filesystem::path torn = model_ / "step_00000007";
  const auto expect_damaged = [&](const std::string& part) {
    for (const std::string& folder : {model_.string(), torn.string()}) {
      const Finished finished = run_tandem({"checkpoint", "verify", folder, "--json"});
      EXPECT_EQ(finished.code, 3) << finished.err;
      EXPECT_THAT(finished.err, StartsWith("error: " + torn.string() + ": is damaged in 1 place: "));
      const json told = json::parse(finished.out, nullptr, false);
      ASSERT_TRUE(told.is_object()) << finished.out;
      EXPECT_EQ(told["folder"], torn.string());
      EXPECT_EQ(told["step"], 7);
      EXPECT_EQ(told["good"], false);
      ASSERT_EQ(told["damages"].size(), 1u);
      EXPECT_THAT(told["damages"][0].get<std::string>(), HasSubstr(part));
    }
  };
  std::filesystem::create_directory(torn);
  expect_damaged("manifest.json: cannot open it: No such file");
  const std::string whole = checkpoint::bytes_of(step_ / checkpoint::Manifest::kFileName);
  checkpoint::write_bytes(torn / checkpoint::Manifest::kFileName, whole.substr(0, 100));
  expect_damaged("is torn or damaged");
  write_changed([](json& m) { m["step"] = 7; });
  std::filesystem::rename(step_ / checkpoint::Manifest::kFileName, torn / checkpoint::Manifest::kFileName);
  expect_damaged("is in the step's manifest and missing");
}

TEST_F(BadCheckpoints, APathWithALineBreakIsPrintedAsOneLine) {
  const std::filesystem::path broken = scratch_ / "two\nlines";
  std::filesystem::rename(model_, broken);
  for (const std::string command : {"verify", "inspect"}) {
    const Finished finished = run_tandem({"checkpoint", command, broken});
    EXPECT_EQ(finished.code, 0) << finished.err;
    EXPECT_THAT(finished.out,
                AllOf(HasSubstr("two lines/step_00000000"), ::testing::Not(HasSubstr("\nlines"))));
  }
}

TEST_F(BadCheckpoints, WhatCannotBeWrittenIsNoReasonToNameAnotherFolder) {
  std::filesystem::create_directory(model_ / "run.lock");
  const Finished finished = run_tandem({"checkpoint", "prune", model_, "--keep", "1"});
  EXPECT_EQ(finished.code, 3) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr("nothing is removed, since its run.lock cannot be opened for writing"));
}

TEST_F(BadCheckpoints, ReshardRefusesWhatItWouldIgnoreAndTooManyRanks) {
  const std::string out = scratch_ / "out";
  const auto refused = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"checkpoint", "reshard", model_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Finished finished = run_tandem(arguments);
    EXPECT_EQ(finished.code, 2) << finished.err;
    EXPECT_FALSE(std::filesystem::exists(out));
    return finished.err;
  };
  EXPECT_THAT(refused({"--plan", "--output", out, "--data", "1", "--tensor", "1", "--pipeline", "1"}),
              HasSubstr("--plan writes nothing"));
  EXPECT_THAT(refused({"--plan", "--data", "10000000", "--tensor", "1", "--pipeline", "1"}),
              HasSubstr("are more than 1048576 ranks"));
}

TEST_F(BadCheckpoints, AReshardThatFailsLeavesNoFolder) {
  const std::filesystem::path shard = step_ / manifest_["files"][0]["name"].get<std::string>();
  std::string bytes = checkpoint::bytes_of(shard);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  checkpoint::write_bytes(shard, bytes);
  const Finished finished = run_tandem({"checkpoint", "reshard", step_, "--output", scratch_ / "out",
                                        "--data", "1", "--tensor", "1", "--pipeline", "1"});
  EXPECT_EQ(finished.code, 3) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr("are damaged (CRC32C"));
  EXPECT_EQ(checkpoint::names_in(scratch_.path()), std::vector<std::string>{"model"});
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
      {[](json& m) { m["mesh"]["tensor"] = 0; }, "mesh: 'tensor' is 0, outside 1 to"},
      {[](json& m) { m["mesh"]["data"] = -2; }, "mesh: 'data' is -2, outside 1 to"},
      {[](json& m) { m["data"]["next_sample"] = -1; }, "data: 'next_sample' is -1, outside 0 to"},
      {[](json& m) {
         m["data"]["samples"] = {5, -1};
       },
       "data: 'samples' is a list of counts, and -1 is none"},
      {[](json& m) { m["run"]["generation"] = -1; }, "run: 'generation' is -1, outside 0 to"},
      {[](json& m) { m["optimizer"]["updates"] = INT64_MAX; },
       "optimizer: 'updates' is 9223372036854775807, outside 0 to"},
      {[](json& m) { m["seed"] = -1; }, "'seed' is not a non-negative integer"},
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
