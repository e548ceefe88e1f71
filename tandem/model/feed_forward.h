// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <ATen/core/Tensor.h>

#include "tandem/model/layer_context.h"
#include "tandem/model/parameter.h"

namespace tandem::model {

/// Pre-norm gated-GELU feed-forward with residual: [B, T, D] -> [B, T, D]. The inner width is split over the
/// tensor group, whose ranks all call; one all-reduce of B T D elements in forward and one in backward.
class FeedForward {
 public:
  /// Takes the parameters named `name`.*; they must outlive this.
  FeedForward(Parameters& parameters, std::string name);

  at::Tensor operator()(const at::Tensor& x_BTD, const LayerContext& context) const;

 private:
  std::string name_;
  Parameter& norm_;
  Parameter& gate_up_;
  Parameter& down_;
};

}  // namespace tandem::model
