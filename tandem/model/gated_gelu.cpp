// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/gated_gelu.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "tandem/base/error.h"
#include "tandem/model/kernels/dispatch.h"
#include "tandem/model/kernels/gated_gelu_kernel.h"
#include "tandem/model/portable.h"

namespace tandem::model {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor forward_kernel(const at::Tensor& gate_up) {
  std::vector<int64_t> sizes = gate_up.sizes().vec();
  sizes.back() /= 2;
  at::Tensor out = at::empty(sizes, gate_up.options());
  kernels::with_element(out.scalar_type(), [&]<class T>(kernels::Element<T>) {
    const kernels::GatedGelu<T> work{kernels::data<T>(gate_up), kernels::mutable_data<T>(out), out.size(-1)};
    kernels::for_rows(kernels::rows_of(out), out.size(-1),
                      [&](kernels::Rows some) { kernels::gated_gelu(work, some); });
  });
  return out;
}

at::Tensor backward_kernel(const at::Tensor& of_out, const at::Tensor& gate_up) {
  at::Tensor of_gate_up = at::empty(gate_up.sizes(), gate_up.options());
  kernels::with_element(of_out.scalar_type(), [&]<class T>(kernels::Element<T>) {
    const kernels::GatedGeluBackward<T> work{kernels::data<T>(of_out), kernels::data<T>(gate_up),
                                             kernels::mutable_data<T>(of_gate_up), of_out.size(-1)};
    kernels::for_rows(kernels::rows_of(of_out), of_out.size(-1),
                      [&](kernels::Rows some) { kernels::gated_gelu_backward(work, some); });
  });
  return of_gate_up;
}

struct GatedGelu : torch::autograd::Function<GatedGelu> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate_up) {
    context->save_for_backward({gate_up});
    return kernels::know(gate_up) ? forward_kernel(gate_up.contiguous()) : portable::gated_gelu(gate_up);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor gate_up = context->get_saved_variables()[0];
    return {kernels::know(gate_up) ? backward_kernel(gradients[0].contiguous(), gate_up.contiguous())
                                   : portable::gated_gelu_backward(gradients[0], gate_up)};
  }
};

}  // namespace

at::Tensor gated_gelu(const at::Tensor& gate_up) {
  TANDEM_CHECK(gate_up.size(-1) % 2 == 0, "gated_gelu: gate and up share an odd width {}", gate_up.size(-1));
  return GatedGelu::apply(gate_up);
}

}  // namespace tandem::model
