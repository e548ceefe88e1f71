// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/relative_bias.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "tandem/model/accumulation.h"
#include "tandem/model/parameter_use.h"

namespace tandem::model {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The bucket of each difference key - query, from the lowest difference up; every bias element is one of
// these.
at::Tensor buckets_by_difference(Direction direction, const BiasExtent& extent, const ModelConfig& config) {
  const int64_t lowest = -(extent.first_query + extent.num_queries - 1);
  at::Tensor buckets = at::empty({extent.num_queries + extent.num_keys - 1}, at::kLong);
  for (int64_t i = 0; i < buckets.numel(); ++i)
    buckets.data_ptr<int64_t>()[i] = relative_bucket(lowest + i, direction, config);
  return buckets;
}

struct RelativeBias : torch::autograd::Function<RelativeBias> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& value, Parameter* table,
                            const at::Tensor& buckets, int64_t num_queries, int64_t num_keys) {
    context->save_for_backward({buckets});
    keep(context, *table);
    context->saved_data["keys"] = num_keys;
    // Row t of the bias is a window of the values by difference, one step further left for each query.
    const at::Tensor by_difference =
        value.to(accumulation_type(value)).index_select(0, buckets).t().contiguous();
    return by_difference.unfold(1, num_keys, 1).slice(1, 0, num_queries).flip(1).contiguous();
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor buckets = context->get_saved_variables()[0];
    Parameter& table = kept(context);
    const int64_t num_keys = context->saved_data["keys"].toInt();
    const at::Tensor rows =
        gradients[0].flip(1).contiguous();  // [H, T, S], row i holds differences i .. i + S - 1
    const int64_t num_queries = rows.size(1);
    at::Tensor by_difference = at::zeros({rows.size(0), buckets.numel()}, rows.options());
    for (int64_t i = 0; i < num_queries; ++i) by_difference.slice(1, i, i + num_keys).add_(rows.select(1, i));
    table.gradient.index_add_(0, buckets, by_difference.t().contiguous());
    table.end_use();
    return {at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

int64_t relative_bucket(int64_t distance, Direction direction, const ModelConfig& config) {
  int64_t buckets = config.relative_buckets, first = 0;
  if (direction == Direction::kBoth) {
    buckets /= 2;
    if (distance > 0) first = buckets;
    distance = std::abs(distance);
  } else {
    distance = std::max<int64_t>(0, -distance);
  }
  const int64_t exact = buckets / 2;
  if (distance < exact) return first + distance;
  // In fp32 like HF, so that distances on a border fall on the same side.
  const float logarithm = std::log(static_cast<float>(distance) / static_cast<float>(exact)) /
                          static_cast<float>(std::log(static_cast<double>(config.relative_distance) /
                                                      static_cast<double>(exact))) *
                          static_cast<float>(buckets - exact);
  return first + std::min(exact + static_cast<int64_t>(logarithm), buckets - 1);
}

at::Tensor relative_bias(Parameter& table, Direction direction, const BiasExtent& extent,
                         const ModelConfig& config) {
  count_use(table);
  const at::Tensor buckets = buckets_by_difference(direction, extent, config).to(table.value.device());
  return RelativeBias::apply(table.value, &table, buckets, extent.num_queries, extent.num_keys);
}

}  // namespace tandem::model
