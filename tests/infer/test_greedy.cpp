// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tandem/infer/greedy.h"
#include "tests/infer/tiny_model.h"
#include "tests/support/golden_model.h"

namespace tandem::testing {
namespace {

using infer::Generated;
using infer::Ids;

class GoldenGreedy : public ::testing::Test {
 protected:
  const GoldenFile golden_{"t5_greedy"};
  const std::vector<Ids> sources_ = rows("input");

  infer::LoadedModel load(at::ScalarType type) const {
    return infer::LoadedModel(config_of(golden_), parameters_of(golden_, type), {.vocabulary = 96});
  }
  std::vector<Ids> rows(const std::string& name) const {
    const auto ids = golden_.at(name + "_ids").values<int64_t>();
    const auto lengths = golden_.at(name + "_lengths").values<int64_t>();
    const size_t width = ids.size() / lengths.size();
    std::vector<Ids> result;
    for (size_t row = 0; row < lengths.size(); ++row) {
      const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(row * width);
      result.emplace_back(begin, begin + lengths[row]);
    }
    return result;
  }
};

TEST_F(GoldenGreedy, SameIdsAsTransformers) {
  const std::vector<Ids> expected = rows("output");
  ASSERT_EQ(expected.size(), 64u);
  for (const auto type : {at::kFloat, at::kDouble}) {
    const std::vector<Generated> generated = generate_greedy(load(type), sources_, 16);
    for (size_t row = 0; row < expected.size(); ++row) EXPECT_EQ(generated[row].ids, expected[row]) << row;
  }
}

TEST_F(GoldenGreedy, SameLogProbabilitiesAsTransformers) {
  const auto expected = golden_.at("log_probabilities64").values<double>();
  const std::vector<Generated> generated = generate_greedy(load(at::kDouble), sources_, 16);
  for (size_t row = 0; row < generated.size(); ++row)
    for (size_t i = 0; i < generated[row].ids.size(); ++i)
      EXPECT_NEAR(generated[row].log_probabilities[i], expected[row * 16 + i], 1e-9) << row << " " << i;
}

TEST_F(GoldenGreedy, ARowAloneGivesWhatItGivesInABatch) {
  const infer::LoadedModel loaded = load(at::kDouble);
  const std::vector<Generated> together = generate_greedy(loaded, sources_, 16);
  for (size_t row = 0; row < 16; ++row) {
    const Generated alone = generate_greedy(loaded, {sources_[row]}, 16).front();
    EXPECT_EQ(alone.ids, together[row].ids);
    for (size_t i = 0; i < alone.ids.size(); ++i)
      EXPECT_NEAR(alone.log_probabilities[i], together[row].log_probabilities[i], 1e-12);
  }
}

TEST_F(GoldenGreedy, TheLimitCutsAndChangesNothingElse) {
  const infer::LoadedModel loaded = load(at::kDouble);
  const std::vector<Ids> expected = rows("output");
  const std::vector<Generated> cut = generate_greedy(loaded, sources_, 3);
  for (size_t row = 0; row < cut.size(); ++row)
    EXPECT_EQ(cut[row].ids,
              Ids(expected[row].begin(),
                  expected[row].begin() + std::min<std::ptrdiff_t>(3, std::ssize(expected[row]))));
}

TEST(Greedy, OfEqualLogitsTheLowestIdWins) {
  const model::ModelConfig config = tiny_config(model::Positions::kRotary);
  model::Parameters parameters = tiny_parameters(config, at::kFloat);
  parameters.at("head").value.zero_();
  const infer::LoadedModel loaded(config, std::move(parameters), kTinyIds);
  const Generated generated = generate_greedy(loaded, {{3, 4}}, 4).front();
  EXPECT_EQ(generated.ids, (Ids{0, 0, 0, 0}));
  for (const double value : generated.log_probabilities) EXPECT_NEAR(value, -std::log(9), 1e-6);
}

}  // namespace
}  // namespace tandem::testing
