// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "resealed.h"
#include "scratch_folder.h"
#include "stored_model.h"
#include "tandem/base/error.h"
#include "tandem/base/random.h"
#include "tandem/checkpoint/names.h"
#include "tandem/checkpoint/reader.h"

namespace tandem::checkpoint {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

// A run's checkpoint folder with whole steps 1 and 2 of two ranks.
class Damage : public testing::Test {
 protected:
  void SetUp() override {
    for (const int64_t step : {1, 2}) save_model(checkpoints_, described_step(step, layout_), layout_);
  }

  // Loads all of the run's newest good step; returns the error's message, or "step N".
  std::string outcome() const {
    try {
      const StepReader reader = load_newest(scratch_.path(), [](const StepReader& step) {
        for (const StoredTensor& tensor : step.manifest().tensors)
          for (const Role role : kAllRoles)
            read(step, {.tensor = tensor.name, .role = role, .slice = layout::whole(tensor.shape)},
                 static_cast<size_t>(layout::num_elements(tensor.shape)) * 4);
      });
      passed_over_ = reader.passed_over();
      return fmt::format("step {}", reader.manifest().description.step);
    } catch (const EnvironmentError& error) {
      return error.what();
    }
  }

  static void read(const StepReader& reader, const StepReader::Wanted& wanted, size_t bytes,
                   DataType type = DataType::kF32) {
    std::vector<std::byte> out(bytes);
    reader.read(wanted, type, out);
  }

  const StoredLayout layout_{.mesh = {.data = 2, .pipeline = 1, .tensor = 1}};
  const ScratchFolder scratch_;
  const fs::path checkpoints_ = scratch_ / "checkpoints";
  const fs::path old_ = checkpoints_ / step_folder_name(1), new_ = checkpoints_ / step_folder_name(2);
  const std::string shard_ = shard_file_name({.generation = 2, .rank = 1});
  mutable std::vector<std::string> passed_over_;
};

TEST_F(Damage, TheNewestWholeStepIsOpened) {
  EXPECT_EQ(outcome(), "step 2");
  EXPECT_TRUE(passed_over_.empty());
  EXPECT_EQ(StepReader::open(old_).manifest().description.step, 1);
  EXPECT_EQ(StepReader::open(checkpoints_).manifest().description.step, 2);
}

TEST_F(Damage, ADamagedNewestStepIsPassedOverAndNamed) {
  const std::string manifest = bytes_of(new_ / "manifest.json"), shard = bytes_of(new_ / shard_);
  const auto expect_passed_over = [&](const std::string& file, const std::string& cause) {
    EXPECT_EQ(outcome(), "step 1");
    EXPECT_THAT(passed_over_,
                testing::ElementsAre(AllOf(HasSubstr((new_ / file).string()), HasSubstr(cause))));
    write_bytes(new_ / "manifest.json", manifest);
    write_bytes(new_ / shard_, shard);
    EXPECT_EQ(outcome(), "step 2");
  };
  write_bytes(new_ / "manifest.json", manifest.substr(0, manifest.size() / 2));
  expect_passed_over("manifest.json", "is torn or damaged");
  write_bytes(new_ / "manifest.json", "");
  expect_passed_over("manifest.json", "is torn or damaged");
  fs::remove(new_ / "manifest.json");
  expect_passed_over("manifest.json", "No such file");
  fs::remove(new_ / shard_);
  expect_passed_over(shard_, "is in the step's manifest and missing");
  fs::resize_file(new_ / shard_, shard.size() - 1);
  expect_passed_over(shard_, "bytes, its manifest says");
  std::string header = shard;
  header.replace(0, 8, "\0\0\0\0\0\0\0\x80", 8);
  write_bytes(new_ / shard_, header);
  expect_passed_over(shard_, "are damaged (CRC32C");
}

TEST_F(Damage, AnUnlistedFileIsRefused) {
  write_bytes(new_ / "stray.safetensors", "");
  EXPECT_EQ(outcome(), "step 1");
  EXPECT_THAT(passed_over_.at(0), HasSubstr("stray.safetensors: is not in the step's manifest"));
}

TEST_F(Damage, WhereNoStepIsWholeTheNewestIsNamed) {
  fs::remove(old_ / shard_);
  fs::remove(new_ / shard_);
  EXPECT_THAT(outcome(),
              AllOf(HasSubstr("none of its 2 steps is whole"), HasSubstr((new_ / shard_).string())));
}

TEST_F(Damage, AShardOfAnotherStepIsFoundByItsChecksum) {
  fs::copy_file(old_ / shard_, new_ / shard_, fs::copy_options::overwrite_existing);
  EXPECT_EQ(outcome(), "step 1");
  EXPECT_THAT(passed_over_.at(0), AllOf(HasSubstr((new_ / shard_).string()), HasSubstr("are damaged (CRC32C"),
                                        HasSubstr("the header")));
}

// From here on manifests lie: they were sealed over what they say of files that are not the step's.

TEST_F(Damage, AShardOfAnotherStepIsPassedOver) {
  fs::copy_file(old_ / shard_, new_ / shard_, fs::copy_options::overwrite_existing);
  reseal(new_);
  EXPECT_EQ(outcome(), "step 1");
  EXPECT_THAT(passed_over_.at(0),
              AllOf(HasSubstr((new_ / shard_).string()), HasSubstr("says step 1, its manifest says 2")));
}

TEST_F(Damage, AHeaderThatDisagreesWithTheManifestIsPassedOver) {
  const std::string shard = bytes_of(new_ / shard_);
  std::string renamed = shard;
  renamed.replace(renamed.find("parameter/embedding/0"), 21, "parameter/embeddinG/0");
  write_bytes(new_ / shard_, renamed);
  reseal(new_);
  EXPECT_EQ(outcome(), "step 1");
  EXPECT_THAT(passed_over_.at(0), HasSubstr("has no parameter/embedding/0, which the manifest puts there"));
  std::string retyped = shard;
  const size_t dtype = retyped.find("parameter/embedding/0\":{\"dtype\":\"F32\"");
  const size_t shape = retyped.find("\"shape\":[", dtype);
  ASSERT_NE(shape, std::string::npos);
  write_bytes(new_ / shard_, retyped.replace(retyped.find("F32", dtype), 3, "I64"));
  reseal(new_);
  EXPECT_EQ(outcome(), "step 1");
  EXPECT_THAT(passed_over_.at(0), HasSubstr((new_ / shard_).string()));
}

TEST_F(Damage, EachOfAThousandSpoiledFilesIsFoundAndNamed) {
  const fs::path files[] = {new_ / Manifest::kFileName, new_ / shard_,
                            new_ / shard_file_name({.generation = 2, .rank = 0})};
  int in_payload = 0;
  for (uint64_t number = 0; number < 1000; ++number) {
    const CounterRandom random(3, "damage", number);
    const fs::path& file = files[random.below(0, 3)];
    const std::string whole = bytes_of(file);
    std::string spoiled = whole;
    const size_t at = random.below(1, whole.size());
    switch (random.below(2, 8)) {
      case 0:
        spoiled.resize(at);
        break;
      case 1:
        spoiled.insert(at, 1, static_cast<char>(random.below(3, 256)));
        break;
      case 2:
        spoiled.replace(at, 64, std::string(std::min<size_t>(64, whole.size() - at), '\0'));
        if (spoiled == whole) continue;  // there were zeros already
        break;
      default:
        spoiled[at] = static_cast<char>(spoiled[at] ^ (1 << random.below(3, 8)));
    }
    write_bytes(file, spoiled);
    EXPECT_EQ(outcome(), "step 1") << number;
    ASSERT_EQ(passed_over_.size(), 1u);
    EXPECT_THAT(passed_over_[0], HasSubstr(file.string()));
    if (passed_over_[0].find(": the header") == std::string::npos &&
        passed_over_[0].find("CRC32C") != std::string::npos) {
      EXPECT_THAT(passed_over_[0],
                  testing::ContainsRegex("bytes [0-9]+ to [0-9]+ .*(parameter|moment[12]) of"));
      ++in_payload;
    }
    write_bytes(file, whole);
  }
  EXPECT_EQ(outcome(), "step 2");
  EXPECT_GT(in_payload, 100);
}

TEST_F(Damage, AFolderWithoutCheckpointIsAnInputError) {
  fs::create_directory(scratch_ / "empty");
  for (const char* name : {"empty", "nowhere"}) {
    try {
      StepReader::open(scratch_ / name);
      FAIL();
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(),
                  AllOf(HasSubstr((scratch_ / name).string()), HasSubstr("holds no checkpoint")));
    }
  }
}

TEST_F(Damage, WhatTheStepDoesNotHoldIsAnInputError) {
  const StepReader reader = StepReader::open(new_);
  const auto error_of = [&](const StepReader::Wanted& wanted, DataType type = DataType::kF32) -> std::string {
    try {
      read(reader, wanted, static_cast<size_t>(wanted.slice.num_elements() * size_bytes(type)), type);
    } catch (const InputError& error) {
      return error.what();
    }
    return "read";
  };
  EXPECT_EQ(error_of({.tensor = "decoder.scale", .slice = {}}), "read");
  EXPECT_THAT(error_of({.tensor = "decoder.shift", .slice = {}}), HasSubstr("holds no tensor decoder.shift"));
  EXPECT_THAT(error_of({.tensor = "embedding", .slice = {.offset = {36, 0}, .extent = {2, 6}}}),
              HasSubstr("tensor embedding has shape [37, 6], which does not hold the slice [36:38, 0:6]"));
  EXPECT_THAT(error_of({.tensor = "embedding", .slice = {.offset = {0}, .extent = {6}}}),
              HasSubstr("[37, 6]"));
  EXPECT_THAT(error_of({.tensor = "embedding", .slice = layout::whole({37, 6})}, DataType::kI64),
              HasSubstr("stored as F32 and cannot be read as I64"));
}

TEST_F(Damage, AModelThatDoesNotFitIsNamedByTensorAndShapes) {
  const StepReader reader = StepReader::open(new_);
  const auto error_of = [&](const std::vector<layout::TensorSpec>& tensors) -> std::string {
    try {
      reader.require(tensors, kAllRoles);
    } catch (const InputError& error) {
      return error.what();
    }
    return "fits";
  };
  std::vector<layout::TensorSpec> tensors = stored_tensors(1);
  EXPECT_EQ(error_of(tensors), "fits");
  tensors[0].shape = {38, 6};
  EXPECT_THAT(error_of(tensors), HasSubstr("tensor embedding is [37, 6] there and [38, 6] in the model"));
  tensors[0] = {.name = "new", .shape = {1}};
  EXPECT_THAT(error_of(tensors), HasSubstr("tensor new is missing; the model has no tensor embedding"));
  tensors.resize(1);
  EXPECT_THAT(error_of(tensors), HasSubstr("and 4 more"));
}

TEST_F(Damage, MissingMomentsAreNamed) {
  StepDescription description = described_step(3, layout_);
  description.roles = {{.role = Role::kParameter}};
  const std::vector<layout::TensorSpec> tensors{{.name = "w", .shape = {2}}};
  const std::vector<float> values{1, 2};
  const Piece piece{.range = layout::range_of(layout::whole({2})),
                    .values = {std::as_bytes(std::span(values))}};
  OneRank alone;
  const StepReader reader = StepReader::open(save_step(
      {.folder = checkpoints_, .description = description, .tensors = tensors}, std::span(&piece, 1), alone));
  try {
    reader.require(tensors, kAllRoles);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("it holds no moment1 of any tensor"));
  }
}

}  // namespace
}  // namespace tandem::checkpoint
