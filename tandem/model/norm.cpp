// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/norm.h"

#include <ATen/ATen.h>

#include "tandem/base/error.h"
#include "tandem/model/parameter_use.h"
#include "tandem/model/portable.h"

namespace tandem::model {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct RmsNorm : torch::autograd::Function<RmsNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& value,
                            Parameter* scale, double epsilon) {
    keep(context, *scale);
    context->saved_data["epsilon"] = epsilon;
    context->save_for_backward({x, value});
    return portable::rms_norm(x, value, epsilon);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const auto [of_x, of_scale] = portable::rms_norm_backward(gradients[0], saved[0], saved[1],
                                                              context->saved_data["epsilon"].toDouble());
    if (context->needs_input_grad(1)) kept(context).accumulate(of_scale);
    return {of_x, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, Parameter& scale, double epsilon) {
  TANDEM_CHECK(x.size(-1) == scale.value.numel(), "rms_norm: input width {}, scale width {}", x.size(-1),
               scale.value.numel());
  count_use(scale);
  return RmsNorm::apply(x, scale.value, &scale, epsilon);
}

}  // namespace tandem::model
