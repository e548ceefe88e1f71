// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/infer/greedy.h"
#include "tandem/infer/score.h"
#include "tests/infer/tiny_model.h"
#include "tests/support/golden_model.h"

namespace tandem::testing {
namespace {

using infer::Ids;

TEST(Score, EqualsLogSoftmaxOfTransformersLogits) {
  const GoldenFile golden("t5_untied");
  const infer::LoadedModel loaded(config_of(golden), parameters_of(golden, at::kDouble), {.vocabulary = 96});
  const at::Tensor source = tensor_of(golden.at("batch/input_ids"));
  const at::Tensor mask = tensor_of(golden.at("batch/attention_mask"));
  const at::Tensor labels = tensor_of(golden.at("batch/labels"));
  const at::Tensor expected = tensor_of(golden.at("logits64")).log_softmax(-1);
  std::vector<infer::ScoreRequest> requests(3);
  for (int64_t row = 0; row < 3; ++row) {
    infer::ScoreRequest& request = requests[static_cast<size_t>(row)];
    for (int64_t s = 0; s < mask[row].sum().item<int64_t>(); ++s)
      request.source.push_back(source[row][s].item<int>());
    for (int64_t t = 0; t < labels.size(1) && labels[row][t].item<int>() >= 0; ++t)
      request.target.push_back(labels[row][t].item<int>());
  }
  const auto scores = score(loaded, requests);
  double sum = 0, tokens = 0;
  for (size_t row = 0; row < 3; ++row) {
    ASSERT_EQ(scores[row].size(), requests[row].target.size());
    for (size_t t = 0; t < scores[row].size(); ++t) {
      const auto place = expected[static_cast<int64_t>(row)][static_cast<int64_t>(t)];
      EXPECT_NEAR(scores[row][t], place[requests[row].target[t]].item<double>(), 1e-11);
      sum += scores[row][t], ++tokens;
    }
  }
  EXPECT_NEAR(-sum / tokens, tensor_of(golden.at("loss64")).item<double>(), 1e-11);
}

class ScoreTest : public ::testing::Test {
 protected:
  const model::ModelConfig config_ = tiny_config(model::Positions::kRotary);
  const infer::LoadedModel loaded_{config_, tiny_parameters(config_, at::kDouble), kTinyIds};
};

TEST_F(ScoreTest, OfAGreedyAnswerIsWhatGreedyReported) {
  const infer::Generated generated = generate_greedy(loaded_, {{3, 6, 2, 1}}, 20).front();
  const auto scores = score(loaded_, {{.source = {3, 6, 2, 1}, .target = generated.ids}}).front();
  ASSERT_EQ(scores.size(), generated.ids.size());
  for (size_t i = 0; i < scores.size(); ++i) EXPECT_NEAR(scores[i], generated.log_probabilities[i], 1e-12);
}

TEST_F(ScoreTest, ARequestAloneScoresAsInABatch) {
  const std::vector<infer::ScoreRequest> requests{
      {.source = invented_ids(1, 12), .target = invented_ids(2, 2)},
      {.source = invented_ids(3, 2), .target = invented_ids(4, 9)},
      {.source = invented_ids(5, 1), .target = {1}}};
  const auto together = score(loaded_, requests);
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto alone = score(loaded_, {requests[i]}).front();
    ASSERT_EQ(alone.size(), together[i].size());
    for (size_t t = 0; t < alone.size(); ++t) EXPECT_NEAR(alone[t], together[i][t], 1e-12);
  }
}

TEST_F(ScoreTest, EmptyInputsAndForeignIdsAreRefused) {
  EXPECT_THROW(score(loaded_, {{.source = {}, .target = {3}}}), InputError);
  EXPECT_THROW(score(loaded_, {{.source = {3}, .target = {}}}), InputError);
  EXPECT_THROW(score(loaded_, {{.source = {9}, .target = {3}}}), InputError);
  EXPECT_THROW(score(loaded_, {{.source = {3}, .target = {-1}}}), InputError);
}

}  // namespace
}  // namespace tandem::testing
