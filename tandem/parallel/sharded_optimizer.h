// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "tandem/comm/group.h"
#include "tandem/parallel/bucket_storage.h"
#include "tandem/parallel/optimizer_config.h"

namespace tandem::parallel {

/// Who keeps the optimizer state of a bucket: each data rank its own part (ZeRO stage 1: Rajbhandari et al.,
/// arXiv 1910.02054, section 5.1), or every data rank all of it.
enum class Sharding { kSharded, kReplicated };

/// What an optimizer keeps of each parameter.
enum class State { kMaster, kMoment1, kMoment2 };

/// AdamW (Loshchilov and Hutter, arXiv 1711.05101, algorithm 2) on flat parts of buckets, with master weights
/// and moments in the accumulation type. Where compute and accumulation type are one, the values themselves
/// are the master weights. Both shardings give the same bits.
class ShardedOptimizer {
 public:
  /// Takes the storage's values as master weights; moments are zero. The storage must outlive this. Other
  /// weights are written to shard() and made known with publish().
  ShardedOptimizer(BucketStorage& storage, const comm::Group& data, const OptimizerConfig& config,
                   Sharding sharding);

  /// Updates all weights from the reduced gradients in each rank's own part. All ranks of the data group
  /// call; sharded: (n-1)/n of the values' bytes a rank, replicated: of the gradients' bytes.
  void step(double learning_rate);

  /// Number of updates so far; sets the bias correction.
  int64_t num_updates() const { return num_updates_; }
  void set_num_updates(int64_t updates) { num_updates_ = updates; }

  /// Returns one kind of state of the rank's own part of a bucket, [shard_elements], accumulation type: a
  /// view.
  at::Tensor shard(State state, size_t bucket) const;

  /// Makes the values of all data ranks follow the master weights of each rank's own part. All ranks of the
  /// data group call. With replicated state the moments are gathered too.
  void publish();

  /// Returns the bytes of master weights (where they are apart from the values) and moments that this rank
  /// keeps.
  int64_t state_bytes() const;

 private:
  struct BucketState {
    at::Tensor master;  // accumulation type; values' own memory where the types are one
    at::Tensor moment1;
    at::Tensor moment2;
  };
  // The elements of a bucket that this rank updates.
  int64_t first_element(size_t bucket) const;
  int64_t num_elements(size_t bucket) const;
  at::Tensor own_part(const at::Tensor& kept, size_t bucket) const;
  void update(size_t bucket, double learning_rate);
  void gather(at::Tensor all, size_t bucket) const;

  BucketStorage& storage_;
  comm::Group data_;
  OptimizerConfig config_;
  Sharding sharding_;
  bool separate_masters_;
  std::vector<BucketState> states_;
  int64_t num_updates_ = 0;
};

}  // namespace tandem::parallel
