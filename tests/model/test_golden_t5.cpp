// SPDX-License-Identifier: Apache-2.0
// Logits, loss and every gradient against what Transformers computes for the same weights.
#include <cmath>
#include <set>
#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tandem/interop/t5_names.h"
#include "tandem/model/vocabulary.h"
#include "tests/support/golden_model.h"

namespace tandem::testing {
namespace {

model::Batch batch_of(const GoldenFile& golden) {
  model::Batch batch{.source_BS = tensor_of(golden.at("batch/input_ids")),
                     .source_lengths = tensor_of(golden.at("batch/attention_mask")).sum(1),
                     .decoder_BT = tensor_of(golden.at("batch/decoder_input_ids")),
                     .labels_BT = tensor_of(golden.at("batch/labels")),
                     .rows = at::arange(3, at::kLong)};
  batch.labels_BT.masked_fill_(batch.labels_BT == -100, model::Batch::kNoLabel);
  return batch;
}

// Largest difference over the expected tensor's largest value.
double difference(const at::Tensor& ours, const at::Tensor& expected) {
  if (ours.sizes() != expected.sizes()) return INFINITY;
  const double worst = (ours.to(at::kDouble) - expected.to(at::kDouble)).abs().max().item<double>();
  return worst / expected.abs().max().item<double>();
}

// The golden's tensors of one precision and how near we must be.
struct Precision {
  at::ScalarType type;
  std::string suffix;
  double tolerance;
};
const Precision kFp32{.type = at::kFloat, .suffix = "", .tolerance = 1e-5};
const Precision kFp64{.type = at::kDouble, .suffix = "64", .tolerance = 1e-12};

class GoldenT5 : public ::testing::TestWithParam<std::string> {
 protected:
  const GoldenFile golden_{GetParam()};
  const model::Batch batch_ = batch_of(golden_);

  at::Tensor expected(const std::string& name, const Precision& precision) const {
    return tensor_of(golden_.at(name + precision.suffix));
  }

  void expect_logits_and_loss(const Precision& precision) const {
    GoldenModel golden(golden_, precision.type);
    const double scale = 1 / batch_.labels_BT.ne(model::Batch::kNoLabel).sum().item<double>();
    const at::Tensor hidden = golden.model().forward(batch_, {}, {}).hidden;
    const double head_scale =
        golden.config().tied_head ? 1 / std::sqrt(static_cast<double>(golden.config().hidden)) : 1;
    const at::Tensor logits =
        model::vocabulary_logits(hidden.flatten(0, 1) * head_scale, golden.head()).view({3, 24, -1});
    EXPECT_LT(difference(logits, expected("logits", precision)), precision.tolerance);
    EXPECT_LT(difference(golden.model().loss(batch_, hidden, scale), expected("loss", precision)),
              precision.tolerance);
  }

  void expect_decoded_logits(const Precision& precision) const {
    const at::NoGradGuard no_grad;
    const GoldenModel golden(golden_, precision.type);
    const model::EncoderDecoder& model = golden.model();
    model::DecoderState state = model.start_decoding(model.encode(batch_.source_BS, batch_.source_lengths),
                                                     batch_.source_lengths, 24);
    EXPECT_LT(difference(model.logits(model.decode(batch_.decoder_BT, state)), expected("logits", precision)),
              precision.tolerance);
  }

  void expect_gradients(const Precision& precision) const {
    GoldenModel golden(golden_, precision.type);
    const double scale = 1 / batch_.labels_BT.ne(model::Batch::kNoLabel).sum().item<double>();
    golden.model().loss(batch_, golden.model().forward(batch_, {}, {}).hidden, scale).backward();
    const std::string prefix = "gradient" + precision.suffix + "/";
    std::set<std::string> unseen;
    for (const std::string& name : golden_.names(prefix)) unseen.insert(name);
    EXPECT_FALSE(unseen.empty());
    for (const auto& [name, parameter] : golden.parameters()) {
      const auto parts = interop::t5_parts(parameter.spec);
      for (size_t i = 0; i < parts.size(); ++i) {
        const at::Tensor ours =
            parts.size() == 1 ? parameter.gradient : parameter.gradient.select(0, static_cast<int64_t>(i));
        EXPECT_LT(difference(ours, tensor_of(golden_.at(prefix + parts[i].name))), precision.tolerance)
            << parts[i].name;
        EXPECT_EQ(unseen.erase(parts[i].name), 1u) << parts[i].name;
      }
    }
    EXPECT_TRUE(unseen.empty()) << *unseen.begin();
  }
};

TEST_P(GoldenT5, LogitsAndLossOfTraining) {
  expect_logits_and_loss(kFp32);
  expect_logits_and_loss(kFp64);
}

TEST_P(GoldenT5, LogitsOfDecoding) {
  expect_decoded_logits(kFp32);
  expect_decoded_logits(kFp64);
}

TEST_P(GoldenT5, GradientOfEveryParameter) {
  expect_gradients(kFp32);
  if (!golden_.names("gradient64/").empty()) expect_gradients(kFp64);
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenT5, ::testing::Values("t5_tied", "t5_wide_heads", "t5_untied"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace tandem::testing
