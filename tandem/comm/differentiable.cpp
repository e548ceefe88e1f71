// SPDX-License-Identifier: Apache-2.0
#include "tandem/comm/differentiable.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace tandem::comm {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor summed(const at::Tensor& x, const Group& group) {
  at::Tensor sum = x.clone(at::MemoryFormat::Contiguous);
  group.all_reduce(sum);
  return sum;
}

// Groups outlive the graphs that run on them: a pointer is enough.
int64_t keep(const Group& group) { return reinterpret_cast<int64_t>(&group); }
const Group& kept(AutogradContext* context) {
  return *reinterpret_cast<const Group*>(context->saved_data["group"].toInt());
}

struct Replicate : torch::autograd::Function<Replicate> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const Group* group) {
    context->saved_data["group"] = keep(*group);
    return x.view_as(x);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {summed(gradients[0], kept(context)), at::Tensor()};
  }
};

struct SumPartial : torch::autograd::Function<SumPartial> {
  static at::Tensor forward(AutogradContext*, const at::Tensor& x, const Group* group) {
    return summed(x, *group);
  }
  static variable_list backward(AutogradContext*, const variable_list& gradients) {
    return {gradients[0], at::Tensor()};
  }
};

}  // namespace

at::Tensor replicate(const at::Tensor& x, const Group& group) {
  return group.size() == 1 ? x : Replicate::apply(x, &group);
}

at::Tensor sum_partial(const at::Tensor& x, const Group& group) {
  return group.size() == 1 ? x : SumPartial::apply(x, &group);
}

}  // namespace tandem::comm
