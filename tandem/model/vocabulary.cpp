// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/vocabulary.h"

#include <limits>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "tandem/model/accumulation.h"

namespace tandem::model {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The rows of the table, or of its gradient, that are part of the vocabulary.
at::Tensor real_rows(const at::Tensor& rows, const layout::Slice& held) {
  return rows.narrow(0, 0, held.extent[0]);
}

at::Tensor row_maximum(const at::Tensor& logits_NV, const comm::Group& tensor) {
  at::Tensor maximum =
      logits_NV.size(1) > 0
          ? logits_NV.amax({1})
          : at::full({logits_NV.size(0)}, -std::numeric_limits<double>::infinity(), logits_NV.options());
  tensor.all_reduce(maximum, comm::Reduce::kMax);
  return maximum;
}

struct CrossEntropy : torch::autograd::Function<CrossEntropy> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& hidden_ND, const at::Tensor& value,
                            Parameter* table, const at::Tensor& labels_N, const comm::Group* tensor,
                            double scale) {
    const layout::Slice held = layout::local_slice(table->spec, tensor->rank(), tensor->size());
    at::Tensor logits_NV = at::mm(hidden_ND, real_rows(value, held).t()).to(accumulation_type(hidden_ND));
    const at::Tensor maximum_N = row_maximum(logits_NV, *tensor);
    logits_NV.sub_(maximum_N.unsqueeze(1));

    const at::Tensor local = labels_N - held.offset[0];
    const at::Tensor tokens = local.ge(0).logical_and_(local.lt(held.extent[0])).nonzero().flatten();
    const at::Tensor columns = local.index_select(0, tokens);
    at::Tensor sums_2N = at::zeros({2, labels_N.numel()}, logits_NV.options());
    sums_2N[0].index_put_({tokens}, logits_NV.index({tokens, columns}));
    logits_NV.exp_();
    sums_2N[1].copy_(logits_NV.sum(1));
    tensor->all_reduce(sums_2N);
    const at::Tensor loss = at::sub(sums_2N[1].log(), sums_2N[0]).sum(at::kDouble).mul(scale);

    // What backward needs of the logits is softmax minus one-hot: it takes their place.
    logits_NV.div_(sums_2N[1].unsqueeze(1));
    logits_NV.index_put_({tokens, columns}, logits_NV.index({tokens, columns}).sub_(1));
    context->save_for_backward({hidden_ND, value, logits_NV.to(hidden_ND.scalar_type())});
    context->saved_data["table"] = reinterpret_cast<int64_t>(table);
    context->saved_data["tensor"] = reinterpret_cast<int64_t>(tensor);
    context->saved_data["scale"] = scale;
    return loss.to(logits_NV.scalar_type());
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &hidden_ND = saved[0], &value = saved[1], &difference_NV = saved[2];
    auto& table = *reinterpret_cast<Parameter*>(context->saved_data["table"].toInt());
    const auto& tensor = *reinterpret_cast<const comm::Group*>(context->saved_data["tensor"].toInt());
    const double scale = context->saved_data["scale"].toDouble() * gradients[0].item<double>();
    const layout::Slice held = layout::local_slice(table.spec, tensor.rank(), tensor.size());

    at::Tensor rows = real_rows(table.gradient, held);
    if (rows.scalar_type() == difference_NV.scalar_type())
      rows.addmm_(difference_NV.t(), hidden_ND, 1, scale);
    else
      rows.add_(at::mm(difference_NV.t(), hidden_ND), scale);
    table.end_use();

    at::Tensor hidden_gradient = at::mm(difference_NV, real_rows(value, held)).mul_(scale);
    tensor.all_reduce(hidden_gradient);
    return {hidden_gradient, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor summed_token_loss(const at::Tensor& hidden_ND, Parameter& table, const at::Tensor& labels_N,
                             const comm::Group& tensor, double scale) {
  if (at::GradMode::is_enabled()) table.begin_use();
  return CrossEntropy::apply(hidden_ND, table.value, &table, labels_N, &tensor, scale);
}

at::Tensor vocabulary_logits(const at::Tensor& hidden_ND, const Parameter& table) {
  return at::mm(hidden_ND, table.value.narrow(0, 0, table.spec.shape[0]).t())
      .to(accumulation_type(hidden_ND));
}

}  // namespace tandem::model
