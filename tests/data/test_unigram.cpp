// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <gtest/gtest.h>

#include "scratch_folder.h"
#include "tandem/base/error.h"
#include "tandem/data/unigram.h"

namespace tandem::data {
namespace {

Dataset open_pairs(const std::string& path) {
  DatasetOptions options{.sources = {{.path = path}}, .vocabulary = 10};
  options.data.source_length = 8;
  options.data.target_length = 8;
  options.objective.kind = ObjectiveKind::kSeq2seq;
  return Dataset::open(options);
}

TEST(Unigram, IsTheCrossEntropyWithOneAdded) {
  const ScratchFolder folder;
  const auto training = open_pairs(folder.write(
      "t.jsonl", "{\"source\": [5], \"target\": [7, 7, 1]}\n{\"source\": [6], \"target\": [8, 7, 1]}\n"));
  const auto validation = open_pairs(folder.write("v.jsonl", "{\"source\": [5], \"target\": [7, 9, 1]}\n"));
  // Counts: 7 three times, 8 once, 1 twice of 6 tokens; 10 ids.
  const UnigramFigures figures = unigram_figures(training, validation);
  EXPECT_EQ(figures.training_tokens, 6u);
  EXPECT_EQ(figures.validation_tokens, 3u);
  EXPECT_NEAR(figures.nats, -(std::log(4.0 / 16) + std::log(1.0 / 16) + std::log(3.0 / 16)) / 3, 1e-14);
}

}  // namespace
}  // namespace tandem::data
