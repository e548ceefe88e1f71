// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/rotary.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "tandem/base/error.h"
#include "tandem/model/portable.h"

namespace tandem::model {

namespace {

using portable::Turn;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Rotate : torch::autograd::Function<Rotate> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_BTHE, double base,
                            int64_t first_position) {
    context->saved_data["base"] = base;
    context->saved_data["first_position"] = first_position;
    return portable::rotate(x_BTHE, base, first_position, Turn::kForward);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {portable::rotate(gradients[0], context->saved_data["base"].toDouble(),
                             context->saved_data["first_position"].toInt(), Turn::kBack),
            at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor rotate(const at::Tensor& x_BTHE, double base, int64_t first_position) {
  TANDEM_CHECK(x_BTHE.dim() == 4 && x_BTHE.size(3) % 2 == 0, "rotate: needs [B, T, H, E] with E even");
  return Rotate::apply(x_BTHE, base, first_position);
}

}  // namespace tandem::model
