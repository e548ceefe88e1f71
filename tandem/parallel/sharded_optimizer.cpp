// SPDX-License-Identifier: Apache-2.0
#include "tandem/parallel/sharded_optimizer.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "tandem/base/error.h"

namespace tandem::parallel {

namespace {

// Elements of a rank's part of a bucket that are of one tensor and start with one deviation.
struct Run {
  int64_t begin = 0;
  int64_t num_elements = 0;
  double deviation = 0;
};

std::vector<Run> runs_of(const layout::ShardSegment& segment, const layout::TensorSpec& spec,
                         int64_t local_elements) {
  const auto num_deviations = static_cast<int64_t>(spec.initial_deviation.size());
  TANDEM_CHECK(num_deviations == 1 || spec.tensor_dim != 0, "{}: deviations of a split dim", spec.name);
  const int64_t length = local_elements / num_deviations;
  const int64_t end = segment.tensor_offset + segment.num_elements;
  std::vector<Run> runs;
  for (int64_t begin = segment.tensor_offset; begin < end;) {
    const int64_t index = begin / length, stop = std::min(end, (index + 1) * length);
    runs.push_back({.begin = segment.shard_offset + begin - segment.tensor_offset,
                    .num_elements = stop - begin,
                    .deviation = spec.initial_deviation[static_cast<size_t>(index)]});
    begin = stop;
  }
  return runs;
}

}  // namespace

ShardedOptimizer::ShardedOptimizer(BucketStorage& storage, const comm::Group& data,
                                   const OptimizerConfig& config, Sharding sharding)
    : storage_(storage),
      data_(data),
      config_(config),
      sharding_(sharding),
      separate_masters_(storage.types().compute != storage.types().accumulation) {
  for (size_t bucket = 0; bucket < storage.buckets().size(); ++bucket) {
    const at::Tensor values =
        storage.bucket_values(bucket).narrow(0, first_element(bucket), num_elements(bucket));
    const auto type = storage.types().accumulation;
    states_.push_back({.master = separate_masters_ ? values.to(type) : values,
                       .moment1 = at::zeros({num_elements(bucket)}, type),
                       .moment2 = at::zeros({num_elements(bucket)}, type)});
  }
}

int64_t ShardedOptimizer::first_element(size_t bucket) const {
  return sharding_ == Sharding::kSharded ? storage_.buckets()[bucket].shard_elements * data_.rank() : 0;
}

int64_t ShardedOptimizer::num_elements(size_t bucket) const {
  const layout::Bucket& b = storage_.buckets()[bucket];
  return sharding_ == Sharding::kSharded ? b.shard_elements : b.num_elements;
}

at::Tensor ShardedOptimizer::own_part(const at::Tensor& kept, size_t bucket) const {
  if (sharding_ == Sharding::kSharded) return kept;
  const int64_t shard = storage_.buckets()[bucket].shard_elements;
  return kept.narrow(0, shard * data_.rank(), shard);
}

at::Tensor ShardedOptimizer::shard(State state, size_t bucket) const {
  const BucketState& kept = states_.at(bucket);
  switch (state) {
    case State::kMoment1:
      return own_part(kept.moment1, bucket);
    case State::kMoment2:
      return own_part(kept.moment2, bucket);
    case State::kMaster:
      break;
  }
  return own_part(kept.master, bucket);
}

void ShardedOptimizer::gather(at::Tensor all, size_t bucket) const {
  const int64_t shard = storage_.buckets()[bucket].shard_elements;
  data_.all_gather(all.narrow(0, shard * data_.rank(), shard), all).wait();
}

void ShardedOptimizer::update(size_t bucket, double learning_rate) {
  const BucketState& state = states_[bucket];
  const at::Tensor gradients =
      storage_.bucket_gradients(bucket).narrow(0, first_element(bucket), num_elements(bucket));
  const at::Tensor updates = at::full({}, static_cast<double>(num_updates_), at::kFloat);
  const int first_part = sharding_ == Sharding::kSharded ? data_.rank() : 0;
  const int num_parts = sharding_ == Sharding::kSharded ? 1 : data_.size();
  for (int part = 0; part < num_parts; ++part) {
    const int64_t first = part * storage_.buckets()[bucket].shard_elements;
    for (const auto& segment : layout::shard_segments(storage_.buckets()[bucket], first_part + part)) {
      const layout::TensorSpec& spec = storage_.specs()[segment.tensor];
      for (const Run& run : runs_of(segment, spec, storage_.value(segment.tensor).numel())) {
        const auto piece = [&](const at::Tensor& flat) {
          return flat.narrow(0, first + run.begin, run.num_elements);
        };
        // Norms and bias tables, which do not decay, are of order 1 whatever they start with.
        const double unit = config_.relative_rate && spec.decays && run.deviation > 0 ? run.deviation : 1;
        // The kernel multiplies the decay by the rate, units and all.
        const double decay = spec.decays ? config_.weight_decay / unit : 0;
        at::_fused_adamw_({piece(state.master)}, {piece(gradients)}, {piece(state.moment1)},
                          {piece(state.moment2)}, {}, {updates}, learning_rate * unit, config_.beta1,
                          config_.beta2, decay, config_.epsilon,
                          /*amsgrad=*/false, /*maximize=*/false);
      }
    }
  }
}

void ShardedOptimizer::step(double learning_rate) {
  ++num_updates_;
  for (size_t bucket = 0; bucket < states_.size(); ++bucket) {
    if (sharding_ == Sharding::kReplicated) gather(storage_.bucket_gradients(bucket), bucket);
    update(bucket, learning_rate);
    at::Tensor values = storage_.bucket_values(bucket);
    if (separate_masters_)
      values.narrow(0, first_element(bucket), num_elements(bucket)).copy_(states_[bucket].master);
    if (sharding_ == Sharding::kSharded) gather(values, bucket);
  }
}

void ShardedOptimizer::publish() {
  for (size_t bucket = 0; bucket < states_.size(); ++bucket) {
    const BucketState& state = states_[bucket];
    if (sharding_ == Sharding::kReplicated)
      for (const at::Tensor& kept : {state.master, state.moment1, state.moment2}) gather(kept, bucket);
    at::Tensor values = storage_.bucket_values(bucket);
    if (separate_masters_) values.narrow(0, first_element(bucket), num_elements(bucket)).copy_(state.master);
    if (sharding_ == Sharding::kSharded) gather(values, bucket);
  }
}

int64_t ShardedOptimizer::state_bytes() const {
  int64_t bytes = 0;
  for (const BucketState& state : states_)
    for (const at::Tensor& kept : {state.master, state.moment1, state.moment2})
      if (separate_masters_ || !kept.is_same(state.master)) bytes += static_cast<int64_t>(kept.nbytes());
  return bytes;
}

}  // namespace tandem::parallel
