// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "tandem/checkpoint/reader.h"
#include "tandem/comm/group.h"
#include "tandem/data/special_ids.h"
#include "tandem/infer/model_facts.h"
#include "tandem/model/encoder_decoder.h"
#include "tandem/model/parameter.h"

namespace tandem::infer {

/// Token ids of one text.
using Ids = std::vector<int32_t>;

/// A whole model on this rank, for inference alone. Immutable; neither copied nor moved.
class LoadedModel {
 public:
  /// Takes parameters that hold every tensor of the model, whole.
  LoadedModel(const model::ModelConfig& config, model::Parameters parameters, const data::SpecialIds& ids);
  LoadedModel(const LoadedModel&) = delete;
  LoadedModel& operator=(const LoadedModel&) = delete;

  const model::ModelConfig& config() const { return config_; }
  const data::SpecialIds& ids() const { return ids_; }
  const model::EncoderDecoder& model() const { return model_; }

 private:
  const model::ModelConfig config_;
  const data::SpecialIds ids_;
  model::Parameters parameters_;
  comm::Group alone_;
  model::EncoderDecoder model_;
};

/// Reads a step's weights as `type` (fp32 or fp64), whatever layout wrote them. InputError where the step
/// does not hold what its configuration says; EnvironmentError where a file is damaged.
LoadedModel load_model(const checkpoint::StepReader& reader, at::ScalarType type = at::kFloat);

}  // namespace tandem::infer
