// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "tandem/comm/group.h"
#include "tandem/model/encoder_decoder.h"
#include "tandem/model/parameter.h"
#include "tests/golden/golden_file.h"

namespace tandem::testing {

/// Returns a golden tensor in the shape and type it is stored in.
at::Tensor tensor_of(const GoldenTensor& golden);

/// Returns the configuration of a golden T5.
model::ModelConfig config_of(const GoldenFile& golden);

/// Returns our tensor, put together from the golden's tensors behind `prefix` ("weight/",
/// "gradient/").
at::Tensor fused(const GoldenFile& golden, const std::string& prefix, const layout::TensorSpec& spec);

/// Returns every tensor of a golden T5 in `type`, with room for gradients.
model::Parameters parameters_of(const GoldenFile& golden, at::ScalarType type);

/// A golden T5 on one rank.
class GoldenModel {
 public:
  GoldenModel(const GoldenFile& golden, at::ScalarType type);

  const model::ModelConfig& config() const { return config_; }
  model::Parameters& parameters() { return parameters_; }
  const model::EncoderDecoder& model() const { return model_; }
  const model::Parameter& head() { return parameters_.at(config_.tied_head ? "embedding" : "head"); }

 private:
  model::ModelConfig config_;
  model::Parameters parameters_;
  comm::Group alone_;
  model::EncoderDecoder model_;
};

}  // namespace tandem::testing
