// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/golden/golden_file.h"

namespace tandem::testing {
namespace {

constexpr int64_t kEos = 1, kIgnored = -100;

/// Checks a golden file itself: what is wrong here would make the tests that use it prove nothing.
class TrainingGolden : public ::testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Cases, TrainingGolden, ::testing::Values("t5_tied", "t5_wide_heads", "t5_untied"),
                         [](const auto& test) { return std::string(test.param); });

TEST_P(TrainingGolden, HasTheGradientOfEveryParameter) {
  const GoldenFile golden(GetParam());
  const std::vector<std::string> names = golden.names("weight/");
  EXPECT_EQ(golden.names("gradient/"), names);
  for (const std::string& name : names) {
    EXPECT_EQ(golden.at("gradient/" + name).shape, golden.at("weight/" + name).shape);
    double largest = 0;
    for (const float value : golden.at("gradient/" + name).values<float>())
      largest = std::max(largest, static_cast<double>(std::abs(value)));
    EXPECT_GT(largest, 1e-3) << name;
  }
  const bool untied = std::string(GetParam()) == "t5_untied";
  EXPECT_EQ(std::count(names.begin(), names.end(), "lm_head.weight"), untied ? 1 : 0);
  EXPECT_EQ(golden.config()["scale_decoder_outputs"], !untied);
}

TEST_P(TrainingGolden, LossIsTheSumOverTargetTokensDividedByTheirCount) {
  const GoldenFile golden(GetParam());
  const auto labels = golden.at("batch/labels").values<int64_t>();
  const auto logits = golden.at("logits64").values<double>();
  const size_t vocabulary = golden.config()["vocab_size"];
  ASSERT_EQ(logits.size(), labels.size() * vocabulary);
  double sum = 0;
  int count = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == kIgnored) continue;
    const double* row = logits.data() + i * vocabulary;
    const double largest = *std::max_element(row, row + vocabulary);
    double total = 0;
    for (size_t v = 0; v < vocabulary; ++v) total += std::exp(row[v] - largest);
    sum += largest + std::log(total) - row[labels[i]];
    ++count;
  }
  EXPECT_NEAR(sum / count, golden.at("loss64").values<double>()[0], 1e-12);
  EXPECT_NEAR(sum / count, golden.at("loss").values<float>()[0], 1e-5);
}

TEST_P(TrainingGolden, BatchHasPaddingInSourceAndTarget) {
  const GoldenFile golden(GetParam());
  const auto mask = golden.at("batch/attention_mask").values<int64_t>();
  const auto labels = golden.at("batch/labels").values<int64_t>();
  EXPECT_EQ(std::count(mask.begin(), mask.end(), 1), 29 + 17 + 4);
  EXPECT_EQ(std::count(labels.begin(), labels.end(), kIgnored), 3 * 24 - (24 + 1 + 13));
}

TEST(GreedyGolden, OutputsVaryAndSomeEndBeforeTheLimit) {
  const GoldenFile golden("t5_greedy");
  const auto ids = golden.at("output_ids").values<int64_t>();
  const auto lengths = golden.at("output_lengths").values<int64_t>();
  const auto width = static_cast<size_t>(golden.at("output_ids").shape[1]);
  ASSERT_EQ(lengths.size(), 64u);
  std::set<std::vector<int64_t>> distinct;
  size_t different_ids = 0, ended = 0;
  for (size_t row = 0; row < lengths.size(); ++row) {
    const auto start = ids.begin() + static_cast<std::ptrdiff_t>(row * width);
    const std::vector<int64_t> output(start, start + lengths[row]);
    different_ids += std::set<int64_t>(output.begin(), output.end()).size();
    ended += output.back() == kEos;
    EXPECT_EQ(std::count(output.begin(), output.end() - 1, kEos), 0);
    EXPECT_TRUE(output.back() == kEos || output.size() == 16u);
    distinct.insert(output);
  }
  EXPECT_GE(distinct.size(), 58u);
  EXPECT_GE(different_ids, 5 * lengths.size());
  EXPECT_THAT(ended, ::testing::AllOf(::testing::Ge(13u), ::testing::Le(51u)));
}

}  // namespace
}  // namespace tandem::testing
