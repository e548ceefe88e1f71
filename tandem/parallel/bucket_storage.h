// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "tandem/layout/bucket.h"

namespace tandem::parallel {

/// Types of a run: what is computed in, and what gradients, master weights and moments are kept in.
struct StorageTypes {
  at::ScalarType compute = at::kFloat;
  at::ScalarType accumulation = at::kFloat;
};

/// The values and gradients of a stage's tensors, bucket by bucket in flat memory: one tensor each of compute
/// and of accumulation type a bucket, of which every parameter is a view. Owned by one rank; no
/// communication.
class BucketStorage {
 public:
  /// Lays out the stage's tensors, all zero. `specs` is the whole model's table.
  BucketStorage(const std::vector<layout::TensorSpec>& specs, int stage, const layout::BucketRules& rules,
                StorageTypes types);

  const std::vector<layout::TensorSpec>& specs() const { return specs_; }
  const std::vector<layout::Bucket>& buckets() const { return buckets_; }
  const StorageTypes& types() const { return types_; }
  int stage() const { return stage_; }

  /// Returns the views of tensor `index` of the table, in its local shape. The tensor must be on the stage.
  at::Tensor value(size_t index) const { return view(index, values_); }
  at::Tensor gradient(size_t index) const { return view(index, gradients_); }

  /// Returns a bucket's flat memory, [num_elements].
  const at::Tensor& bucket_values(size_t bucket) const { return values_[bucket]; }
  const at::Tensor& bucket_gradients(size_t bucket) const { return gradients_[bucket]; }
  /// Returns the part of a bucket's gradients that a data rank owns, [shard_elements].
  at::Tensor shard_gradients(size_t bucket, int data_rank) const;

  /// Returns the bucket that holds a tensor.
  size_t bucket_of(size_t index) const;
  void zero_gradients();

 private:
  at::Tensor view(size_t index, const std::vector<at::Tensor>& flat) const;

  std::vector<layout::TensorSpec> specs_;
  int stage_;
  int tensor_ranks_;
  StorageTypes types_;
  std::vector<layout::Bucket> buckets_;
  std::vector<at::Tensor> values_;
  std::vector<at::Tensor> gradients_;
};

}  // namespace tandem::parallel
