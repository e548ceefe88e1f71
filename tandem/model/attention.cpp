// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/attention.h"

#include <cmath>

#include <ATen/ATen.h>

#include "tandem/comm/differentiable.h"
#include "tandem/model/linear.h"
#include "tandem/model/norm.h"
#include "tandem/model/rotary.h"

namespace tandem::model {

namespace {

bool is_rotary(const LayerContext& context) { return context.config->positions == Positions::kRotary; }

// T5 leaves scores unscaled; its initial queries are smaller instead.
double score_scale(const LayerContext& context) {
  return is_rotary(context) ? 1 / std::sqrt(static_cast<double>(context.config->head_dim)) : 1;
}

// [B, T, n H E] -> [B, T, n, H, E], n products of one fused weight.
at::Tensor split_heads(const at::Tensor& x, int64_t products, const LayerContext& context) {
  return x.view({x.size(0), x.size(1), products, -1, context.config->head_dim});
}

at::Tensor normed(const at::Tensor& x, Parameter& norm, const LayerContext& context) {
  return comm::replicate(rms_norm(x, norm, context.config->norm_epsilon), *context.tensor);
}

at::Tensor project_out(const at::Tensor& residual, const at::Tensor& heads_BTHE, Parameter& output,
                       const LayerContext& context, const std::string& name) {
  const at::Tensor out = linear(heads_BTHE.flatten(2), output);
  return add_dropped(residual, comm::sum_partial(out, *context.tensor),
                     context.dropout.at(name, context.config->hidden));
}

// Appends keys and values and returns all of them.
std::pair<at::Tensor, at::Tensor> extend(KeyValueCache& cache, const at::Tensor& key,
                                         const at::Tensor& value) {
  const int64_t added = key.size(1);
  cache.key.narrow(1, cache.length, added).copy_(key);
  cache.value.narrow(1, cache.length, added).copy_(value);
  cache.length += added;
  return {cache.key.narrow(1, 0, cache.length), cache.value.narrow(1, 0, cache.length)};
}

}  // namespace

SelfAttention::SelfAttention(Parameters& parameters, std::string name)
    : name_(std::move(name)),
      norm_(parameters.at(name_ + ".norm")),
      query_key_value_(parameters.at(name_ + ".query_key_value")),
      output_(parameters.at(name_ + ".output")) {}

at::Tensor SelfAttention::operator()(const at::Tensor& x_BTD, const LayerContext& context,
                                     KeyValueCache* cache) const {
  // unbind's gradient is one copy of the three parts; that of three selects would be three tensors of zeros
  // and their sum.
  const auto parts =
      split_heads(linear(normed(x_BTD, norm_, context), query_key_value_), 3, context).unbind(2);
  at::Tensor query = parts[0], key = parts[1], value = parts[2];
  if (is_rotary(context)) {
    query = rotate(query, context.config->rotary_base, context.positions);
    key = rotate(key, context.config->rotary_base, context.positions);
  }
  if (cache != nullptr) std::tie(key, value) = extend(*cache, key, value);
  const at::Tensor heads = attention(query, key, value, score_scale(context), context.self, context.bias);
  return project_out(x_BTD, heads, output_, context, name_);
}

CrossAttention::CrossAttention(Parameters& parameters, std::string name)
    : name_(std::move(name)),
      norm_(parameters.at(name_ + ".norm")),
      query_(parameters.at(name_ + ".query")),
      key_value_(parameters.at(name_ + ".key_value")),
      output_(parameters.at(name_ + ".output")) {}

KeyValueCache CrossAttention::project(const at::Tensor& memory_BSD, const LayerContext& context) const {
  const auto parts =
      split_heads(linear(comm::replicate(memory_BSD, *context.tensor), key_value_), 2, context).unbind(2);
  return {.key = parts[0], .value = parts[1], .length = memory_BSD.size(1)};
}

at::Tensor CrossAttention::operator()(const at::Tensor& x_BTD, const KeyValueCache& projected,
                                      const LayerContext& context) const {
  const at::Tensor query =
      split_heads(linear(normed(x_BTD, norm_, context), query_), 1, context).select(2, 0);
  const at::Tensor heads =
      attention(query, projected.key, projected.value, score_scale(context), context.cross);
  return project_out(x_BTD, heads, output_, context, name_);
}

at::Tensor CrossAttention::operator()(const at::Tensor& x_BTD, const at::Tensor& memory_BSD,
                                      const LayerContext& context) const {
  return (*this)(x_BTD, project(memory_BSD, context), context);
}

}  // namespace tandem::model
