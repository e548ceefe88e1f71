// SPDX-License-Identifier: Apache-2.0
#include "tandem/parallel/gradient_reducer.h"

#include <algorithm>
#include <utility>

#include "tandem/base/error.h"

namespace tandem::parallel {

GradientReducer::GradientReducer(BucketStorage& storage, const comm::Group& data, SharedGroups shared)
    : storage_(storage), data_(data), shared_(std::move(shared)), states_(storage.buckets().size()) {}

void GradientReducer::begin_step() {
  storage_.zero_gradients();
  last_backward_ = false;
  for (size_t bucket = 0; bucket < states_.size(); ++bucket) {
    states_[bucket] = State{};
    states_[bucket].settled.assign(storage_.buckets()[bucket].entries.size(), false);
  }
}

void GradientReducer::settle(size_t index) {
  if (!last_backward_) return;
  const size_t bucket = storage_.bucket_of(index);
  const auto& entries = storage_.buckets().at(bucket).entries;
  const auto entry =
      std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.tensor == index; });
  State& state = states_[bucket];
  auto settled = state.settled[static_cast<size_t>(entry - entries.begin())];
  TANDEM_CHECK(!settled, "{} settled twice", storage_.specs()[index].name);
  settled = true;
  if (++state.num_settled == entries.size()) start(bucket);
}

void GradientReducer::start(size_t bucket) {
  State& state = states_[bucket];
  state.started = true;
  state.span =
      observe::process_trace().begin({"reduce_bucket", "communication", static_cast<int64_t>(bucket)});
  state.reduction =
      data_.reduce_scatter(storage_.bucket_gradients(bucket), storage_.shard_gradients(bucket, data_.rank()),
                           static_cast<int>(bucket));
}

void GradientReducer::finish() {
  for (size_t bucket = 0; bucket < states_.size(); ++bucket)
    if (!states_[bucket].started) start(bucket);
  for (State& state : states_) {
    state.reduction.wait();
    observe::process_trace().end(state.span);
  }
  for (size_t bucket = 0; bucket < states_.size(); ++bucket) {
    const auto& stages = storage_.buckets()[bucket].stages;
    if (stages.size() > 1) shared_.at(stages).all_reduce(storage_.shard_gradients(bucket, data_.rank()));
  }
}

}  // namespace tandem::parallel
