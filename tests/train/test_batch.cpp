// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tandem/train/batch.h"

namespace tandem::train {
namespace {

TEST(Batch, PadsToTheLongestAndShiftsTheTarget) {
  const data::SpecialIds ids{.vocabulary = 100, .pad = 0};
  const model::Batch batch =
      make_batch({{.source = {5, 6, 1}, .target = {9, 8, 1}}, {.source = {7}, .target = {}}}, 4, ids);
  const auto equals = [](const at::Tensor& tensor, std::vector<int64_t> expected) {
    return tensor.flatten().equal(at::tensor(expected, at::kLong));
  };
  EXPECT_TRUE(equals(batch.source_BS, {5, 6, 1, 7, 0, 0}));
  EXPECT_TRUE(equals(batch.source_lengths, {3, 1}));
  EXPECT_TRUE(equals(batch.decoder_BT, {0, 9, 8, 0, 0, 0}));
  EXPECT_TRUE(equals(batch.labels_BT, {9, 8, 1, -1, -1, -1}));
  EXPECT_TRUE(equals(batch.rows, {4, 5}));
}

TEST(Batch, WithoutAnyTargetDecodesOnePosition) {
  const model::Batch batch = make_batch({{.source = {5}, .target = {}}}, 0, {.vocabulary = 100});
  EXPECT_EQ(batch.decoder_BT.size(1), 1);
  EXPECT_TRUE(batch.labels_BT.equal(at::full({1, 1}, model::Batch::kNoLabel, at::kLong)));
}

}  // namespace
}  // namespace tandem::train
