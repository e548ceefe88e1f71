// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/dropout.h"

#include <cmath>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "tandem/base/error.h"
#include "tandem/model/kernels/dispatch.h"
#include "tandem/model/kernels/dropout_kernel.h"
#include "tandem/model/portable.h"

namespace tandem::model {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor drop_kernel(const at::Tensor& x, const at::Tensor& residual, const DropoutPlace& place) {
  const int64_t length = x.size(1), width = x.size(2);
  const at::Tensor samples = place.rows.contiguous();
  const int64_t* sample = samples.const_data_ptr<int64_t>();
  at::Tensor out = at::empty(x.sizes(), x.options());
  kernels::with_element(x.scalar_type(), [&]<class T>(kernels::Element<T>) {
    const T* x_data = kernels::data<T>(x);
    const T* residual_data = residual.defined() ? kernels::data<T>(residual) : nullptr;
    T* out_data = kernels::mutable_data<T>(out);
    kernels::for_rows(x.size(0) * length, 4 * width, [&](kernels::Rows some) {
      for (int64_t row = some.begin; row < some.end; ++row) {
        const int64_t start = row % length * place.full_width + place.column_offset;
        kernels::drop(kernels::DropRow<T>{
            .x = x_data + row * width,
            .residual = residual_data ? residual_data + row * width : nullptr,
            .out = out_data + row * width,
            .width = width,
            .key = place.random.split(sample[row / length]).key(),
            .first_word = static_cast<uint64_t>(start),
            .last_dropped = static_cast<uint32_t>(std::ceil(place.probability * 0x1p32) - 1),
            .scale = static_cast<kernels::Wide<T>>(1 / (1 - place.probability))});
      }
    });
  });
  return out;
}

// The mask is drawn again in backward: cheaper than keeping it.
at::Tensor dropped(const at::Tensor& x, const at::Tensor& residual, const DropoutPlace& place) {
  if (kernels::know(x))
    return drop_kernel(x.contiguous(), residual.defined() ? residual.contiguous() : residual, place);
  const at::Tensor kept = portable::kept(place, x.size(1), x.size(2));
  const at::Tensor out = portable::drop(x, kept, place.probability);
  return residual.defined() ? residual + out : out;
}

void keep(AutogradContext* context, const DropoutPlace& place) {
  auto& saved = context->saved_data;
  saved["probability"] = place.probability;
  saved["key"] = static_cast<int64_t>(place.random.key());
  saved["rows"] = place.rows;
  saved["full_width"] = place.full_width;
  saved["column_offset"] = place.column_offset;
}
DropoutPlace kept(AutogradContext* context) {
  auto& saved = context->saved_data;
  return {.probability = saved["probability"].toDouble(),
          .random = CounterRandom::of_key(static_cast<uint64_t>(saved["key"].toInt())),
          .rows = saved["rows"].toTensor(),
          .full_width = saved["full_width"].toInt(),
          .column_offset = saved["column_offset"].toInt()};
}

struct Drop : torch::autograd::Function<Drop> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const DropoutPlace& place) {
    keep(context, place);
    return dropped(x, {}, place);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {dropped(gradients[0], {}, kept(context)), at::Tensor()};
  }
};

struct AddDropped : torch::autograd::Function<AddDropped> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& residual, const at::Tensor& x,
                            const DropoutPlace& place) {
    keep(context, place);
    return dropped(x, residual, place);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {gradients[0], dropped(gradients[0], {}, kept(context)), at::Tensor()};
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
  TANDEM_CHECK(residual_BTC.sizes() == x_BTC.sizes() && residual_BTC.scalar_type() == x_BTC.scalar_type(),
               "add_dropped: residual and input differ in shape or type");
  return AddDropped::apply(residual_BTC, x_BTC, place);
}

}  // namespace tandem::model
