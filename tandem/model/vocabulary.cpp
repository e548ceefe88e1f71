// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/vocabulary.h"

#include <limits>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "tandem/model/accumulation.h"
#include "tandem/model/kernels/dispatch.h"
#include "tandem/model/kernels/softmax_kernel.h"
#include "tandem/model/parameter_use.h"

namespace tandem::model {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The rows of the table, or of its gradient, that are part of the vocabulary.
at::Tensor real_rows(const at::Tensor& rows, const layout::Slice& held) {
  return rows.narrow(0, 0, held.extent[0]);
}

// A softmax over logits [N, V] that other ranks continue, step by step. Numbers a row are in the accumulation
// type; logits keep the type they come in, and are replaced by probabilities.
class SpreadSoftmax {
 public:
  explicit SpreadSoftmax(at::Tensor logits_NV)
      : logits_(std::move(logits_NV)),
        maximum_(at::empty({logits_.size(0)}, logits_.options().dtype(accumulation_type(logits_)))),
        sum_(at::empty_like(maximum_)) {}

  /// [N] each: this rank's, until the caller has put in those of all.
  at::Tensor& maximum() { return maximum_; }
  at::Tensor& sum() { return sum_; }

  void find_maximum() {
    if (kernels::know(logits_)) {
      run([](const auto& work, kernels::Rows rows) { kernels::softmax_maximum(work, rows); });
    } else if (logits_.size(1) > 0) {
      maximum_.copy_(logits_.amax({1}));
    } else {
      maximum_.fill_(-std::numeric_limits<double>::infinity());
    }
  }
  void find_sum() {
    if (kernels::know(logits_))
      run([](const auto& work, kernels::Rows rows) { kernels::softmax_sum(work, rows); });
    else
      sum_.copy_(shifted().exp_().sum(1));
  }
  void to_probabilities() {
    if (kernels::know(logits_))
      run([](const auto& work, kernels::Rows rows) { kernels::softmax_probabilities(work, rows); });
    else
      logits_.copy_(shifted().exp_().div_(sum_.unsqueeze(1)));
  }

 private:
  at::Tensor shifted() const { return logits_.to(maximum_.scalar_type()).sub(maximum_.unsqueeze(1)); }

  template <typename Step>
  void run(const Step& step) {
    kernels::with_element(logits_.scalar_type(), [&]<class T>(kernels::Element<T>) {
      const kernels::SoftmaxRows<T> work{kernels::mutable_data<T>(logits_), logits_.size(1),
                                         kernels::mutable_data<kernels::Wide<T>>(maximum_),
                                         kernels::mutable_data<kernels::Wide<T>>(sum_)};
      kernels::for_rows(logits_.size(0), logits_.size(1), [&](kernels::Rows rows) { step(work, rows); });
    });
  }

  at::Tensor logits_;
  at::Tensor maximum_;
  at::Tensor sum_;
};

void add_to_table(at::Tensor rows, const at::Tensor& difference_NV, const at::Tensor& hidden_ND,
                  double scale) {
  if (rows.scalar_type() == difference_NV.scalar_type())
    rows.addmm_(difference_NV.t(), hidden_ND, 1, scale);
  else
    rows.add_(at::mm(difference_NV.t(), hidden_ND), scale);
}

struct CrossEntropy : torch::autograd::Function<CrossEntropy> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& hidden_ND, const at::Tensor& value,
                            Parameter* table, const at::Tensor& labels_N, const comm::Group* tensor,
                            double scale) {
    const layout::Slice held = layout::local_slice(table->spec, tensor->rank(), tensor->size());
    at::Tensor logits_NV = at::mm(hidden_ND, real_rows(value, held).t());
    SpreadSoftmax softmax(logits_NV);
    softmax.find_maximum();
    tensor->all_reduce(softmax.maximum(), comm::Reduce::kMax);

    const at::Tensor local = labels_N - held.offset[0];
    const at::Tensor tokens = local.ge(0).logical_and_(local.lt(held.extent[0])).nonzero().flatten();
    const at::Tensor columns = local.index_select(0, tokens);
    softmax.find_sum();
    at::Tensor sums_2N = at::zeros({2, labels_N.numel()}, softmax.sum().options());
    sums_2N[0].index_put_({tokens}, logits_NV.index({tokens, columns}).to(sums_2N.scalar_type()) -
                                        softmax.maximum().index_select(0, tokens));
    sums_2N[1].copy_(softmax.sum());
    tensor->all_reduce(sums_2N);
    softmax.sum().copy_(sums_2N[1]);
    const at::Tensor loss = at::sub(sums_2N[1].log(), sums_2N[0]).sum(at::kDouble).mul(scale);

    // What backward needs of the logits is softmax minus one-hot: it takes their place.
    softmax.to_probabilities();
    logits_NV.index_put_({tokens, columns}, logits_NV.index({tokens, columns}).sub_(1));
    context->save_for_backward({hidden_ND, value, logits_NV});
    keep(context, *table);
    context->saved_data["tensor"] = reinterpret_cast<int64_t>(tensor);
    context->saved_data["scale"] = scale;
    return loss.to(sums_2N.scalar_type());
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &hidden_ND = saved[0], &value = saved[1], &difference_NV = saved[2];
    Parameter& table = kept(context);
    const auto& tensor = *reinterpret_cast<const comm::Group*>(context->saved_data["tensor"].toInt());
    const double scale = context->saved_data["scale"].toDouble() * gradients[0].item<double>();
    const layout::Slice held = layout::local_slice(table.spec, tensor.rank(), tensor.size());

    if (context->needs_input_grad(1)) {
      add_to_table(real_rows(table.gradient, held), difference_NV, hidden_ND, scale);
      table.end_use();
    }
    at::Tensor hidden_gradient = at::mm(difference_NV, real_rows(value, held)).mul_(scale);
    tensor.all_reduce(hidden_gradient);
    return {hidden_gradient, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor summed_token_loss(const at::Tensor& hidden_ND, Parameter& table, const at::Tensor& labels_N,
                             const comm::Group& tensor, double scale) {
  count_use(table);
  return CrossEntropy::apply(hidden_ND, table.value, &table, labels_N, &tensor, scale);
}

at::Tensor vocabulary_logits(const at::Tensor& hidden_ND, const Parameter& table) {
  return at::mm(hidden_ND, table.value.narrow(0, 0, table.spec.shape[0]).t())
      .to(accumulation_type(hidden_ND));
}

}  // namespace tandem::model
