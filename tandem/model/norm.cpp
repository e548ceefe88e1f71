// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/norm.h"

#include <ATen/ATen.h>

#include "tandem/base/error.h"
#include "tandem/model/accumulation.h"
#include "tandem/model/kernels/dispatch.h"
#include "tandem/model/kernels/norm_kernel.h"
#include "tandem/model/parameter_use.h"
#include "tandem/model/portable.h"

namespace tandem::model {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Normal {
  at::Tensor y;
  at::Tensor inverse;  // of the root mean square, a row; undefined where no kernel ran
};

Normal forward_kernel(const at::Tensor& x, const at::Tensor& scale, double epsilon) {
  const int64_t rows = kernels::rows_of(x), width = x.size(-1);
  Normal made{at::empty(x.sizes(), x.options()), at::empty({rows}, x.options().dtype(accumulation_type(x)))};
  kernels::with_element(x.scalar_type(), [&]<class T>(kernels::Element<T>) {
    const kernels::NormForward<T> work{.x = kernels::data<T>(x),
                                       .scale = kernels::data<T>(scale),
                                       .y = kernels::mutable_data<T>(made.y),
                                       .inverse = kernels::mutable_data<kernels::Wide<T>>(made.inverse),
                                       .width = width,
                                       .epsilon = epsilon};
    kernels::for_rows(rows, width, [&](kernels::Rows some) { kernels::rms_norm(work, some); });
  });
  return made;
}

portable::RmsNormGradients backward_kernel(const at::Tensor& of_y, const at::Tensor& x,
                                           const at::Tensor& scale, const at::Tensor& inverse) {
  // Blocks of a fixed size, so that the sum over rows does not depend on the number of threads.
  constexpr int64_t kBlock = 64;
  const int64_t rows = kernels::rows_of(x), width = x.size(-1), blocks = (rows + kBlock - 1) / kBlock;
  portable::RmsNormGradients of{at::empty(x.sizes(), x.options()),
                                at::zeros({blocks, width}, inverse.options())};
  kernels::with_element(x.scalar_type(), [&]<class T>(kernels::Element<T>) {
    const kernels::NormBackward<T> work{.of_y = kernels::data<T>(of_y),
                                        .x = kernels::data<T>(x),
                                        .scale = kernels::data<T>(scale),
                                        .inverse = kernels::data<kernels::Wide<T>>(inverse),
                                        .of_x = kernels::mutable_data<T>(of.x),
                                        .width = width};
    auto* of_scale = kernels::mutable_data<kernels::Wide<T>>(of.scale_D);
    kernels::for_rows(blocks, kBlock * width, [&](kernels::Rows some) {
      for (int64_t block = some.begin; block < some.end; ++block)
        kernels::rms_norm_backward(work, {block * kBlock, std::min(rows, (block + 1) * kBlock)},
                                   of_scale + block * width);
    });
  });
  of.scale_D = of.scale_D.sum(0);
  return of;
}

struct RmsNorm : torch::autograd::Function<RmsNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& value,
                            Parameter* scale, double epsilon) {
    keep(context, *scale);
    context->saved_data["epsilon"] = epsilon;
    Normal made;
    if (kernels::know(x)) {
      made = forward_kernel(x.contiguous(), value, epsilon);
    } else {
      made.y = portable::rms_norm(x, value, epsilon);
    }
    context->save_for_backward({x, value, made.inverse});
    return made.y;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &value = saved[1], &inverse = saved[2];
    const auto of =
        inverse.defined()
            ? backward_kernel(gradients[0].contiguous(), x.contiguous(), value, inverse)
            : portable::rms_norm_backward(gradients[0], x, value, context->saved_data["epsilon"].toDouble());
    if (context->needs_input_grad(1)) kept(context).accumulate(of.scale_D);
    return {of.x, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, Parameter& scale, double epsilon) {
  TANDEM_CHECK(x.size(-1) == scale.value.numel(), "rms_norm: input width {}, scale width {}", x.size(-1),
               scale.value.numel());
  TANDEM_CHECK(x.scalar_type() == scale.value.scalar_type(), "rms_norm: input and scale differ in type");
  count_use(scale);
  return RmsNorm::apply(x, scale.value, &scale, epsilon);
}

}  // namespace tandem::model
