// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "scratch_folder.h"
#include "stored_model.h"
#include "tandem/checkpoint/names.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/retention.h"
#include "tandem/checkpoint/step_folders.h"

namespace tandem::checkpoint {
namespace {

class Retention : public testing::Test {
 protected:
  void SetUp() override {
    for (const int64_t step : {90, 100, 110, 200000000}) save_model(folder_, described_step(step, {}), {});
  }
  std::vector<int64_t> steps() const {
    std::vector<int64_t> numbers;
    for (const FoundStep& found : find_steps(folder_)) numbers.push_back(found.step);
    return numbers;
  }

  std::vector<std::filesystem::path> keep(int64_t newest) const {
    return apply_retention(folder_, {.newest = newest}, {90, 100, 110, 200000000});
  }

  const ScratchFolder scratch_;
  const std::filesystem::path folder_ = scratch_ / "checkpoints";
};

TEST_F(Retention, KeepsTheNewest) {
  EXPECT_EQ(keep(2).size(), 2u);
  EXPECT_EQ(steps(), (std::vector<int64_t>{110, 200000000}));
  EXPECT_EQ(names_in(folder_).size(), 2u);
  keep(1);
  EXPECT_EQ(steps(), (std::vector<int64_t>{200000000}));
}

TEST_F(Retention, ZeroAndManyKeepAll) {
  EXPECT_TRUE(keep(0).empty());
  EXPECT_TRUE(keep(4).empty());
  EXPECT_EQ(steps().size(), 4u);
}

TEST_F(Retention, ADamagedStepTakesNoPlaceOfAWholeOneAndGoesOnceItIsTheOldest) {
  std::filesystem::remove(folder_ / step_folder_name(200000000) / Manifest::kFileName);
  std::filesystem::remove(folder_ / step_folder_name(90) / Manifest::kFileName);
  keep(1);
  EXPECT_EQ(steps(), (std::vector<int64_t>{110, 200000000}));
  EXPECT_EQ(StepReader::open(folder_).manifest().description.step, 110);
}

TEST_F(Retention, AStepThatCannotBeReadStaysWhereItsNumberWouldKeepIt) {
  std::filesystem::remove(folder_ / step_folder_name(90) / Manifest::kFileName);
  apply_retention(folder_, {.newest = 1, .every = 45}, {200000000});
  EXPECT_EQ(steps(), (std::vector<int64_t>{90, 200000000}));
}

TEST_F(Retention, WhatWasNotReadBackIsNoReasonToRemove) {
  EXPECT_TRUE(apply_retention(folder_, {.newest = 1}, {}).empty());
  EXPECT_EQ(apply_retention(folder_, {.newest = 1}, {100, 999}).size(), 1u);
  EXPECT_EQ(steps(), (std::vector<int64_t>{100, 110, 200000000}));
}

TEST(RetentionRule, KeepsNewestRoundAndBest) {
  const std::vector<KeptStep> whole{
      {.step = 10, .validation_loss = 3.0}, {.step = 20, .validation_loss = 1.0},
      {.step = 30, .validation_loss = 2.0}, {.step = 40, .validation_loss = 1.0},
      {.step = 50, .validation_loss = {}},  {.step = 60, .validation_loss = 5.0}};
  const auto gone = [&](const RetentionRule& rule) { return superfluous_steps(whole, rule, {60}); };
  EXPECT_EQ(gone({.newest = 1}), (std::set<int64_t>{10, 20, 30, 40, 50}));
  EXPECT_EQ(gone({.newest = 2, .every = 30}), (std::set<int64_t>{10, 20, 40}));
  EXPECT_EQ(gone({.newest = 1, .best = 1}), (std::set<int64_t>{10, 20, 30, 50}));
  EXPECT_EQ(gone({.newest = 1, .best = 3}), (std::set<int64_t>{10, 50}));
  EXPECT_TRUE(gone({.newest = 0, .every = 7}).empty());
}

TEST_F(Retention, AnInterruptedRemovalIsNeverSeenAndEndedByTheNextSave) {
  const auto hidden = folder_ / removed_folder_name(step_folder_name(90));
  std::filesystem::rename(folder_ / step_folder_name(90), hidden);
  std::filesystem::remove(hidden / Manifest::kFileName);
  EXPECT_EQ(steps(), (std::vector<int64_t>{100, 110, 200000000}));
  save_model(folder_, described_step(200000001, {}), {});
  EXPECT_FALSE(std::filesystem::exists(hidden));
}

TEST(StepFolders, OnlyNamesAsWrittenAreSteps) {
  EXPECT_EQ(step_of_folder_name("step_00000100"), 100);
  EXPECT_EQ(step_of_folder_name("step_123456789"), 123456789);
  for (const char* name :
       {"step_100", "step_000000100", "step_0000010x", "step_-0000001", "step_", "stEp_00000100",
        ".unfinished_g00000000_step_00000100", "void_step_00000100_0", "step_99999999999999999999"})
    EXPECT_EQ(step_of_folder_name(name), std::nullopt) << name;
}

TEST(Names, WritersAreReadFromTheSpellingThatIsWrittenOnly) {
  const auto writer = writer_of("g00000008_w00003_p000.safetensors");
  ASSERT_TRUE(writer);
  EXPECT_EQ(writer->generation, 8);
  EXPECT_EQ(writer->rank, 3);
  EXPECT_EQ(writer_of(shard_file_name({.generation = 1, .rank = 123456}))->rank, 123456);
  for (const char* name :
       {"", "g", "g8", "g8_w3_p000.safetensors", "g00000008_w00003_p000", "g00000008_w-0003_p000.safetensors",
        "g00000008_w00003_p001.safetensors", "x00000008_w00003_p000.safetensors", "manifest.json"})
    EXPECT_FALSE(writer_of(name)) << name;
}

}  // namespace
}  // namespace tandem::checkpoint
