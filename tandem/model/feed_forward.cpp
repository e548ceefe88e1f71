// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/feed_forward.h"

#include <ATen/ATen.h>

#include "tandem/comm/differentiable.h"
#include "tandem/model/gated_gelu.h"
#include "tandem/model/linear.h"
#include "tandem/model/norm.h"

namespace tandem::model {

FeedForward::FeedForward(Parameters& parameters, std::string name)
    : name_(std::move(name)),
      norm_(parameters.at(name_ + ".norm")),
      gate_up_(parameters.at(name_ + ".gate_up")),
      down_(parameters.at(name_ + ".down")) {}

at::Tensor FeedForward::operator()(const at::Tensor& x_BTD, const LayerContext& context) const {
  const ModelConfig& config = *context.config;
  const comm::Group& tensor = *context.tensor;
  const at::Tensor normed = comm::replicate(rms_norm(x_BTD, norm_, config.norm_epsilon), tensor);
  const at::Tensor inner = gated_gelu(linear(normed, gate_up_));
  const at::Tensor kept = dropout(
      inner, context.dropout.at(name_ + ".inner", config.feed_forward, tensor.rank() * inner.size(-1)));
  return add_dropped(x_BTD, comm::sum_partial(linear(kept, down_), tensor),
                     context.dropout.at(name_, config.hidden));
}

}  // namespace tandem::model
