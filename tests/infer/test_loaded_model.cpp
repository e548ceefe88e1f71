// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/infer/loaded_model.h"
#include "tandem/infer/score.h"
#include "tests/data/scratch_folder.h"
#include "tests/infer/tiny_model.h"

namespace tandem::testing {
namespace {

using checkpoint::StepReader;
using ::testing::HasSubstr;

class LoadedModelTest : public ::testing::Test {
 protected:
  const data::ScratchFolder folder_;
  TinyCheckpoint stored_{
      .model = tiny_config(model::Positions::kRelativeBias),
      .tokenizer = {.pad = 0, .eos = 1, .first_sentinel = 8, .sentinel_count = 2, .hash = ""}};

  StepReader save() const { return StepReader::open(save_tiny(folder_ / "checkpoints", stored_)); }
};

TEST_F(LoadedModelTest, AnyPartitionOfTheFileGivesTheSameModel) {
  const infer::LoadedModel expected(stored_.model, tiny_parameters(stored_.model, at::kDouble), kTinyIds);
  const infer::ScoreRequest request{.source = {3, 8, 2, 1}, .target = {8, 5, 1}};
  for (const int64_t parts : {1, 2, 3}) {
    stored_.parts = stored_.step = parts;
    stored_.type = at::kDouble;
    const StepReader reader = save();
    const infer::LoadedModel loaded = infer::load_model(reader, at::kDouble);
    EXPECT_EQ(loaded.ids(), kTinyIds);
    EXPECT_EQ(loaded.config(), stored_.model);
    EXPECT_EQ(score(loaded, {request}), score(expected, {request}));
  }
}

TEST_F(LoadedModelTest, Fp64WeightsAreReadAsFp32) {
  stored_.type = at::kDouble;
  const infer::LoadedModel loaded = infer::load_model(save());
  const infer::LoadedModel wide(stored_.model, tiny_parameters(stored_.model, at::kDouble), kTinyIds);
  const infer::ScoreRequest request{.source = {3, 8, 2, 1}, .target = {8, 5, 1}};
  const auto narrow_scores = score(loaded, {request}).front(), wide_scores = score(wide, {request}).front();
  for (size_t i = 0; i < wide_scores.size(); ++i) EXPECT_NEAR(narrow_scores[i], wide_scores[i], 1e-5);
}

TEST_F(LoadedModelTest, LengthOfTrainingIsKnown) { EXPECT_EQ(infer::usual_target_length(save()), 6); }

TEST_F(LoadedModelTest, SpecialIdsOutsideTheVocabularyAreRefused) {
  stored_.tokenizer.eos = 9;
  const StepReader reader = save();
  EXPECT_THAT(data::message_of<InputError>([&] { infer::load_model(reader); }), HasSubstr("vocabulary of 9"));
}

}  // namespace
}  // namespace tandem::testing
