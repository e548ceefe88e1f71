// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "tests/cli/process.h"
#include "tests/interop/hf_folder.h"

namespace tandem::testing {
namespace {

using nlohmann::json;

const std::vector<std::string> kOneThread{"OMP_NUM_THREADS=1"};

class Scores : public ::testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Forms, Scores,
                         ::testing::Values("t5_tied_scaled", "t5_tied_unscaled", "flan_t5_untied", "mt5",
                                           "mt5_untied", "t5_shards", "t5_bfloat16_shards", "t5_float16"),
                         [](const auto& test) { return std::string(test.param); });

TEST_P(Scores, OfAnImportedModelAreTransformers) {
  const checkpoint::ScratchFolder scratch;
  const auto folder = HfFolder::golden_path(GetParam());
  const cli::Finished imported = cli::run_tandem(
      {"checkpoint", "import", "--from", "hf", folder.string(), "--output", (scratch / "model").string()});
  ASSERT_EQ(imported.code, 0) << imported.err;
  const json expected = json::parse(read_file(folder / "expected.json"));
  const auto ids = [&](const char* key) {
    return fmt::format("{}", fmt::join(expected.at(key).get<std::vector<int>>(), ","));
  };
  const cli::Finished scored =
      cli::run_tandem({"score", "--checkpoint", (scratch / "model").string(), "--source-ids",
                       ids("source_ids"), "--target-ids", ids("target_ids"), "--json"},
                      kOneThread);
  ASSERT_EQ(scored.code, 0) << scored.err;
  const auto scores = json::parse(scored.out).at("log_probabilities").get<std::vector<double>>(),
             right = expected.at("log_probabilities").get<std::vector<double>>();
  ASSERT_EQ(scores.size(), right.size());
  for (size_t i = 0; i < right.size(); ++i) EXPECT_NEAR(scores[i], right[i], 1e-5) << i;
}

}  // namespace
}  // namespace tandem::testing
