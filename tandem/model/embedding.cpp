// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/embedding.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "tandem/comm/differentiable.h"
#include "tandem/model/parameter_use.h"

namespace tandem::model {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Adds rows to the table's rows of their ids. Threads own columns, so that sums keep the order of the rows.
template <typename Value, typename Sum>
void add_rows(const at::Tensor& ids, const at::Tensor& rows, at::Tensor& table) {
  const int64_t num_rows = rows.size(0), width = rows.size(1);
  const int64_t* id = ids.data_ptr<int64_t>();
  const Value* from = rows.data_ptr<Value>();
  Sum* to = table.data_ptr<Sum>();
  at::parallel_for(0, width, 64, [&](int64_t begin, int64_t end) {
    for (int64_t row = 0; row < num_rows; ++row)
      for (int64_t column = begin; column < end; ++column)
        to[id[row] * width + column] += static_cast<Sum>(from[row * width + column]);
  });
}

void scatter_add(const at::Tensor& ids, const at::Tensor& rows, at::Tensor table) {
  if (!rows.is_cpu()) {
    table.index_add_(0, ids, rows.to(table.scalar_type()));
  } else if (rows.scalar_type() == at::kDouble) {
    add_rows<double, double>(ids, rows, table);
  } else if (rows.scalar_type() == at::kBFloat16) {
    add_rows<at::BFloat16, float>(ids, rows, table);
  } else {
    add_rows<float, float>(ids, rows, table);
  }
}

struct Lookup : torch::autograd::Function<Lookup> {
  // Rows that another tensor rank holds are left 0.
  static at::Tensor forward(AutogradContext* context, const at::Tensor& value, Parameter* table,
                            const at::Tensor& ids_BT, int64_t first_row, int64_t num_rows) {
    const at::Tensor local = ids_BT.flatten() - first_row;
    const at::Tensor places = local.ge(0).logical_and_(local.lt(num_rows)).nonzero().flatten();
    const at::Tensor rows = local.index_select(0, places);
    context->save_for_backward({places, rows});
    keep(context, *table);
    at::Tensor out = at::zeros({local.numel(), value.size(1)}, value.options());
    out.index_copy_(0, places, value.index_select(0, rows));
    return out.view({ids_BT.size(0), ids_BT.size(1), value.size(1)});
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    Parameter& table = kept(context);
    const at::Tensor rows = gradients[0].reshape({-1, gradients[0].size(-1)}).index_select(0, saved[0]);
    scatter_add(saved[1], rows, table.gradient);
    table.end_use();
    return {at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor embed(const at::Tensor& ids_BT, Parameter& table, const comm::Group& tensor) {
  count_use(table);
  const layout::Slice held = layout::local_slice(table.spec, tensor.rank(), tensor.size());
  return comm::sum_partial(Lookup::apply(table.value, &table, ids_BT, held.offset[0], held.extent[0]),
                           tensor);
}

}  // namespace tandem::model
