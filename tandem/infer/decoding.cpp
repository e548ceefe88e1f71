// SPDX-License-Identifier: Apache-2.0
#include "tandem/infer/decoding.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "tandem/base/error.h"

namespace tandem::infer {

namespace {

constexpr int64_t kFirstCapacity = 32;

at::Tensor grown(const at::Tensor& cache, int64_t used, int64_t capacity) {
  at::Tensor larger = at::empty({cache.size(0), capacity, cache.size(2), cache.size(3)}, cache.options());
  larger.narrow(1, 0, used).copy_(cache.narrow(1, 0, used));
  return larger;
}

at::Tensor as_tensor(const std::vector<int64_t>& values) { return at::tensor(values, at::kLong); }

}  // namespace

EncodedSources encode(const LoadedModel& loaded, const std::vector<Ids>& sources) {
  const at::NoGradGuard no_grad;
  std::vector<int64_t> lengths;
  for (const Ids& source : sources) {
    check_ids(loaded, source, "source");
    if (source.empty()) throw InputError("the source is empty; give at least one token");
    lengths.push_back(static_cast<int64_t>(source.size()));
  }
  EncodedSources encoded{.memory_BSD = {}, .lengths = as_tensor(lengths)};
  encoded.memory_BSD = loaded.model().encode(padded(sources, loaded.ids().pad), encoded.lengths);
  return encoded;
}

at::Tensor log_probabilities(const LoadedModel& loaded, const at::Tensor& hidden) {
  const at::Tensor logits = loaded.model().logits(hidden);
  if (!logits.isfinite().all().item<bool>())
    throw InputError("the model's outputs are not finite; take an earlier step of the run");
  return logits.log_softmax(-1);
}

Decoding::Decoding(const LoadedModel& loaded, const EncodedSources& sources) : loaded_(loaded) {
  const at::NoGradGuard no_grad;
  state_ = loaded.model().start_decoding(sources.memory_BSD, sources.lengths, kFirstCapacity);
}

at::Tensor Decoding::read(const at::Tensor& ids_BT) {
  const at::NoGradGuard no_grad;
  reserve(state_.length + ids_BT.size(1));
  return log_probabilities(loaded_, loaded_.model().decode(ids_BT, state_));
}

void Decoding::reserve(int64_t positions) {
  for (model::LayerCache& layer : state_.layers) {
    const int64_t capacity = layer.self.key.size(1);
    if (positions <= capacity) continue;
    const int64_t larger = std::max(positions, 2 * capacity);
    layer.self.key = grown(layer.self.key, state_.length, larger);
    layer.self.value = grown(layer.self.value, state_.length, larger);
  }
}

void Decoding::select(const std::vector<int64_t>& parents) {
  const at::NoGradGuard no_grad;
  const at::Tensor rows = as_tensor(parents);
  const auto shared = [&](const at::Tensor& of_source) {
    return of_source.narrow(0, 0, 1).expand({rows.size(0), -1, -1, -1});
  };
  for (model::LayerCache& layer : state_.layers) {
    layer.self.key = layer.self.key.index_select(0, rows);
    layer.self.value = layer.self.value.index_select(0, rows);
    layer.cross.key = shared(layer.cross.key);
    layer.cross.value = shared(layer.cross.value);
  }
  state_.memory_lengths = state_.memory_lengths.narrow(0, 0, 1).expand({rows.size(0)}).contiguous();
}

void check_ids(const LoadedModel& loaded, const Ids& ids, const char* what) {
  for (const int32_t id : ids)
    if (id < 0 || id >= loaded.config().vocabulary)
      throw InputError("the {} has token id {}, but the model's vocabulary ends at {}", what, id,
                       loaded.config().vocabulary - 1);
}

at::Tensor padded(const std::vector<Ids>& rows, int32_t padding) {
  size_t longest = 0;
  for (const Ids& row : rows) longest = std::max(longest, row.size());
  at::Tensor tensor =
      at::full({static_cast<int64_t>(rows.size()), static_cast<int64_t>(longest)}, padding, at::kLong);
  auto* out = tensor.mutable_data_ptr<int64_t>();
  for (const Ids& row : rows) {
    std::copy(row.begin(), row.end(), out);
    out += longest;
  }
  return tensor;
}

int32_t index_of_largest(std::span<const double> values) {
  return static_cast<int32_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

std::vector<double> values_of(const at::Tensor& tensor) {
  const at::Tensor wide = tensor.to(at::kDouble).contiguous();
  const double* first = wide.const_data_ptr<double>();
  return {first, first + wide.numel()};
}

}  // namespace tandem::infer
