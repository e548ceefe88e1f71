// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/fan_out.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace tandem::model {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct FanOut : torch::autograd::Function<FanOut> {
  static variable_list forward(AutogradContext* context, const at::Tensor& x, int64_t copies,
                               at::ScalarType type) {
    context->set_materialize_grads(false);
    context->saved_data["type"] = static_cast<int64_t>(x.scalar_type());
    const at::Tensor copy = x.to(type);
    variable_list outputs;
    for (int64_t i = 0; i < copies; ++i) outputs.push_back(copy.alias());
    outputs.push_back(x.alias());
    return outputs;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto type = static_cast<at::ScalarType>(context->saved_data["type"].toInt());
    at::Tensor sum;
    for (auto gradient = gradients.rbegin(); gradient != gradients.rend(); ++gradient) {
      if (!gradient->defined()) continue;
      // The sum must not be written into a consumer's own tensor.
      if (sum.defined())
        sum.add_(*gradient);
      else
        sum = gradient->to(type, /*non_blocking=*/false, /*copy=*/true);
    }
    return {sum, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

std::vector<at::Tensor> fan_out(const at::Tensor& x, int64_t copies, at::ScalarType type) {
  return FanOut::apply(x, copies, type);
}

}  // namespace tandem::model
