// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <vector>

#include "tandem/comm/group.h"
#include "tandem/observe/trace.h"
#include "tandem/parallel/bucket_storage.h"

namespace tandem::parallel {

/// For each set of stages that share a tensor: the ranks that hold it, at this rank's data and tensor
/// coordinate.
using SharedGroups = std::map<std::vector<int>, comm::Group>;

/// Sums the gradients of one rank's buckets over the data axis while backward still runs, then those of
/// tensors that stages share over their holders. After finish(), the rank's own part of every bucket holds
/// the sum over the whole job. All ranks of a data group use it alike; one thread. Bytes a rank and step:
/// (n-1)/n of its gradients over n data ranks.
class GradientReducer {
 public:
  /// The storage must outlive this.
  GradientReducer(BucketStorage& storage, const comm::Group& data, SharedGroups shared);

  /// Begins a step: gradients are zeroed.
  void begin_step();
  /// Says that the last backward of the step begins: from now on a settled tensor is complete.
  void begin_last_backward() { last_backward_ = true; }
  /// Says that nothing more will be added to tensor `index` by the backward under way. Starts the reduction
  /// of its bucket once all of the bucket's tensors are complete.
  void settle(size_t index);
  /// Reduces what is left and waits for all. Blocks.
  void finish();

 private:
  struct State {
    std::vector<bool> settled;  // by entry
    size_t num_settled = 0;
    bool started = false;
    comm::Pending reduction;
    observe::OpenSpan span;
  };

  void start(size_t bucket);

  BucketStorage& storage_;
  comm::Group data_;
  SharedGroups shared_;
  std::vector<State> states_;
  bool last_backward_ = false;
};

}  // namespace tandem::parallel
