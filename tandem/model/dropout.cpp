// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/dropout.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "tandem/base/error.h"
#include "tandem/model/portable.h"

namespace tandem::model {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Drop : torch::autograd::Function<Drop> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const DropoutPlace& place) {
    const at::Tensor kept = portable::kept(place, x.size(1), x.size(2));
    context->saved_data["probability"] = place.probability;
    context->save_for_backward({kept});
    return portable::drop(x, kept, place.probability);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {portable::drop(gradients[0], context->get_saved_variables()[0],
                           context->saved_data["probability"].toDouble()),
            at::Tensor()};
  }
};

struct AddDropped : torch::autograd::Function<AddDropped> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& residual, const at::Tensor& x,
                            const DropoutPlace& place) {
    const at::Tensor kept = portable::kept(place, x.size(1), x.size(2));
    context->saved_data["probability"] = place.probability;
    context->save_for_backward({kept});
    return residual + portable::drop(x, kept, place.probability);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {gradients[0],
            portable::drop(gradients[0], context->get_saved_variables()[0],
                           context->saved_data["probability"].toDouble()),
            at::Tensor()};
  }
};

void check(const at::Tensor& x, const DropoutPlace& place) {
  TANDEM_CHECK(x.dim() == 3, "dropout: needs [B, T, C], got {} dims", x.dim());
  TANDEM_CHECK(place.probability > 0 && place.probability < 1, "dropout: probability {}", place.probability);
  TANDEM_CHECK(place.rows.defined() && place.rows.numel() == x.size(0), "dropout: one row number a row of {}",
               x.size(0));
  TANDEM_CHECK(place.column_offset >= 0 && place.column_offset + x.size(2) <= place.full_width,
               "dropout: columns {} to {} of {}", place.column_offset, place.column_offset + x.size(2),
               place.full_width);
}

}  // namespace

at::Tensor dropout(const at::Tensor& x_BTC, const DropoutPlace& place) {
  if (place.probability == 0) return x_BTC;
  check(x_BTC, place);
  return Drop::apply(x_BTC, place);
}

at::Tensor add_dropped(const at::Tensor& residual_BTC, const at::Tensor& x_BTC, const DropoutPlace& place) {
  if (place.probability == 0) return residual_BTC + x_BTC;
  check(x_BTC, place);
  return AddDropped::apply(residual_BTC, x_BTC, place);
}

}  // namespace tandem::model
