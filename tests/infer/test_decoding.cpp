// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/infer/decoding.h"
#include "tandem/model/vocabulary.h"
#include "tests/infer/tiny_model.h"

namespace tandem::testing {
namespace {

using infer::Decoding;
using infer::Ids;
using model::Positions;

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

class DecodingTest : public ::testing::TestWithParam<Positions> {
 protected:
  const model::ModelConfig config_ = tiny_config(GetParam());
  const infer::LoadedModel loaded_{config_, tiny_parameters(config_, at::kDouble), kTinyIds};
  const std::vector<Ids> sources_{invented_ids(1, 11), invented_ids(2, 3), invented_ids(3, 1)};
  // Longer than the cache is at first.
  const at::Tensor targets_ =
      infer::padded({invented_ids(4, 70), invented_ids(5, 70), invented_ids(6, 70)}, 0);
  const infer::EncodedSources encoded_ = encode(loaded_, sources_);

  // The training forward: no cache at all.
  at::Tensor recomputed() const {
    const at::NoGradGuard no_grad;
    const model::Batch batch{.source_BS = infer::padded(sources_, 0),
                             .source_lengths = at::tensor({11, 3, 1}, at::kLong),
                             .decoder_BT = targets_,
                             .labels_BT = {},
                             .rows = {}};
    model::Parameters parameters = tiny_parameters(config_, at::kDouble);
    const at::Tensor hidden = loaded_.model().forward(batch, {}, {}).hidden.flatten(0, 1);
    return model::vocabulary_logits(hidden, parameters.at("head")).view({3, 70, -1}).log_softmax(-1);
  }
};

TEST_P(DecodingTest, CachedStepsEqualFullRecomputation) {
  const at::Tensor expected = recomputed();
  EXPECT_GT(largest_difference(expected[0], expected[1]), 0.1);
  Decoding by_one(loaded_, encoded_), by_some(loaded_, encoded_);
  for (int64_t t = 0; t < 70; ++t)
    EXPECT_LT(largest_difference(by_one.read(targets_.narrow(1, t, 1)), expected.narrow(1, t, 1)), 1e-12);
  for (int64_t t = 0; t < 70; t += 14)
    EXPECT_LT(largest_difference(by_some.read(targets_.narrow(1, t, 14)), expected.narrow(1, t, 14)), 1e-12);
}

TEST_P(DecodingTest, SelectedRowsGoOnFromTheirParents) {
  const infer::EncodedSources encoded = encode(loaded_, {sources_[0]});
  const Ids start{0, 8, 3};
  Decoding beams(loaded_, encoded);
  beams.read(infer::padded({start}, 0));
  beams.select({0, 0, 0});
  beams.read(infer::padded({{2}, {5}, {6}}, 0));
  beams.select({2, 0, 2, 1});
  const at::Tensor followed = beams.read(infer::padded({{3}, {3}, {4}, {6}}, 0));
  const std::vector<Ids> whole{{0, 8, 3, 6, 3}, {0, 8, 3, 2, 3}, {0, 8, 3, 6, 4}, {0, 8, 3, 5, 6}};
  for (size_t row = 0; row < whole.size(); ++row) {
    const at::Tensor expected = Decoding(loaded_, encoded).read(infer::padded({whole[row]}, 0));
    EXPECT_LT(largest_difference(followed[static_cast<int64_t>(row)][0], expected[0][4]), 1e-12) << row;
  }
}

INSTANTIATE_TEST_SUITE_P(Positions, DecodingTest,
                         ::testing::Values(Positions::kRotary, Positions::kRelativeBias),
                         [](const auto& tested) {
                           return tested.param == Positions::kRotary ? "rotary" : "relative_bias";
                         });

TEST(Decoding, WeightsThatAreNotFiniteAreRefused) {
  const model::ModelConfig config = tiny_config(Positions::kRotary);
  model::Parameters parameters = tiny_parameters(config, at::kFloat);
  parameters.at("decoder.norm").value.fill_(NAN);
  const infer::LoadedModel loaded(config, std::move(parameters), kTinyIds);
  Decoding decoding(loaded, encode(loaded, {{3}}));
  EXPECT_THROW(decoding.read(infer::padded({{0}}, 0)), InputError);
}

TEST(Decoding, OfEqualValuesTheFirstIsTheLargest) {
  const std::vector<double> values{-1, 3, 2, 3};
  EXPECT_EQ(infer::index_of_largest(values), 1);
}

}  // namespace
}  // namespace tandem::testing
