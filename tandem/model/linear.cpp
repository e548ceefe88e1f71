// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/linear.h"

#include <ATen/ATen.h>

#include "tandem/base/error.h"
#include "tandem/model/parameter_use.h"

namespace tandem::model {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// A weight [K, P, I] is the matrix [K * P, I].
at::Tensor matrix(const at::Tensor& weight) { return weight.view({-1, weight.size(-1)}); }
at::Tensor rows(const at::Tensor& x) { return x.reshape({x.numel() / x.size(-1), x.size(-1)}); }

at::Tensor with_last(const at::Tensor& rows, const at::Tensor& like) {
  std::vector<int64_t> sizes = like.sizes().vec();
  sizes.back() = rows.size(1);
  return rows.view(sizes);
}

void add_product(Parameter& weight, const at::Tensor& gradient, const at::Tensor& x) {
  at::Tensor sum = matrix(weight.gradient);
  if (x.scalar_type() == sum.scalar_type())
    sum.addmm_(gradient.t(), x);
  else
    sum.add_(at::mm(gradient.t(), x));
  weight.end_use();
}

struct Linear : torch::autograd::Function<Linear> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& value,
                            Parameter* weight) {
    keep(context, *weight);
    context->save_for_backward({x, value});
    return with_last(at::mm(rows(x), matrix(value).t()), x);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& x = saved[0];
    const at::Tensor gradient = rows(gradients[0]);
    at::Tensor of_x;
    if (context->needs_input_grad(0)) of_x = with_last(at::mm(gradient, matrix(saved[1])), x);
    if (context->needs_input_grad(1)) add_product(kept(context), gradient, rows(x));
    return {of_x, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor linear(const at::Tensor& x, Parameter& weight) {
  TANDEM_CHECK(x.size(-1) == weight.value.size(-1), "linear: input width {}, weight width {}", x.size(-1),
               weight.value.size(-1));
  count_use(weight);
  return Linear::apply(x, weight.value, &weight);
}

}  // namespace tandem::model
