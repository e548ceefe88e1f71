// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/gated_gelu.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "tandem/base/error.h"
#include "tandem/model/portable.h"

namespace tandem::model {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct GatedGelu : torch::autograd::Function<GatedGelu> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate_up) {
    context->save_for_backward({gate_up});
    return portable::gated_gelu(gate_up);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {portable::gated_gelu_backward(gradients[0], context->get_saved_variables()[0])};
  }
};

}  // namespace

at::Tensor gated_gelu(const at::Tensor& gate_up) {
  TANDEM_CHECK(gate_up.size(-1) % 2 == 0, "gated_gelu: gate and up share an odd width {}", gate_up.size(-1));
  return GatedGelu::apply(gate_up);
}

}  // namespace tandem::model
