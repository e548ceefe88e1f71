// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/linear.h"

#include <ATen/ATen.h>

#include "tandem/base/error.h"
#include "tandem/model/parameter_use.h"

// libtorch exports oneDNN's product, but ships no header that declares it.
namespace at::native {
TORCH_API void mkldnn_matmul(const Tensor& left, const Tensor& right, const Tensor& product, float beta,
                             float alpha);
}

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

// libtorch refuses oneDNN's product elsewhere, whatever the type.
bool may_use_onednn() {
  static const bool may = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                          __builtin_cpu_supports("avx512dq");
  return may;
}

// In single precision ATen gives products to MKL, whose kernels for other makers' processors are a tenth
// slower than oneDNN's. Small products do not repay oneDNN's preparation.
bool suits_onednn(const at::Tensor& left, const at::Tensor& right) {
  constexpr int64_t kSmall = int64_t{1} << 22;
  return may_use_onednn() && left.is_cpu() && left.scalar_type() == at::kFloat &&
         left.size(0) * left.size(1) * right.size(1) >= kSmall;
}

at::Tensor product(const at::Tensor& left, const at::Tensor& right) {
  if (!suits_onednn(left, right)) return at::mm(left, right);
  at::Tensor made = at::empty({left.size(0), right.size(1)}, left.options());
  at::native::mkldnn_matmul(left, right, made, 0, 1);
  return made;
}

void add_product(at::Tensor sum, const at::Tensor& left, const at::Tensor& right) {
  if (left.scalar_type() != sum.scalar_type())
    sum.add_(at::mm(left, right));
  else if (suits_onednn(left, right))
    at::native::mkldnn_matmul(left, right, sum, 1, 1);
  else
    sum.addmm_(left, right);
}

struct Linear : torch::autograd::Function<Linear> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& value,
                            Parameter* weight) {
    keep(context, *weight);
    context->save_for_backward({x, value});
    return with_last(product(rows(x), matrix(value).t()), x);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& x = saved[0];
    const at::Tensor gradient = rows(gradients[0]);
    at::Tensor of_x;
    if (context->needs_input_grad(0)) of_x = with_last(product(gradient, matrix(saved[1])), x);
    if (context->needs_input_grad(1)) {
      Parameter& weight = kept(context);
      add_product(matrix(weight.gradient), gradient.t(), rows(x));
      weight.end_use();
    }
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
