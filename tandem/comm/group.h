// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "tandem/comm/backend.h"

namespace tandem::comm {

/// The ranks that communicate together, seen from one of them. A cheap handle; a group of one rank
/// communicates nothing. Every rank of the group must call the same collectives in the same order. n =
/// size(), S = bytes of the whole tensor. Errors: EnvironmentError naming group, operation and sequence
/// number, when a peer is lost or the deadline passes.
class Group {
 public:
  /// Makes a group of one.
  Group() = default;
  Group(std::string name, int rank, int size, std::shared_ptr<Backend> backend)
      : name_(std::move(name)), rank_(rank), size_(size), backend_(std::move(backend)) {}

  const std::string& name() const { return name_; }
  int rank() const { return rank_; }
  int size() const { return size_; }

  /// Reduces `tensor` in place; blocks. All ranks receive the same bits. 2 S (n-1)/n bytes a rank.
  void all_reduce(at::Tensor tensor, Reduce operation = Reduce::kSum) const;

  /// Sums the inputs of all ranks (n equal parts along the flattened tensor) in rank order, and leaves part
  /// rank() in `output`. The sum does not depend on timing. One step, S (n-1)/n bytes sent a rank; extra
  /// memory of the same size until wait(). Calls under way at once need different `channel`s (from 0 on), the
  /// same for one call on all ranks; else their parts may meet.
  Pending reduce_scatter(at::Tensor input, at::Tensor output, int channel = 0) const;

  /// Gathers every rank's `input` into `output`, in rank order; `input` may be part rank() of `output`
  /// itself. One step, S (n-1)/n bytes sent a rank.
  Pending all_gather(at::Tensor input, at::Tensor output) const;

  /// Copies `tensor` of rank `root` to all; blocks.
  void broadcast(at::Tensor tensor, int root) const;

  /// Sends to, or receives from, another rank of the group, not this one. Messages between two ranks match by
  /// tag (0 to 2^30 - 1; those above are the collectives'), those of one tag by order. Throws BugError for
  /// another rank or tag.
  Pending send(at::Tensor tensor, int to, int tag) const;
  Pending receive(at::Tensor tensor, int from, int tag) const;

  /// Returns the strings of all ranks in rank order; blocks. For small things: errors, descriptions.
  std::vector<std::string> all_gather_text(const std::string& text) const;

  /// Returns the strings of all ranks in rank order on rank 0, nothing elsewhere; blocks, on rank 0 until all
  /// are there. Each of the others sends its own text to rank 0.
  std::vector<std::string> gather_text(const std::string& text) const;

  /// Returns rank 0's string on every rank; blocks. What the others give is ignored.
  std::string broadcast_text(const std::string& text) const;

  /// Blocks until every rank has called it.
  void barrier() const;

 private:
  std::string name_ = "self";
  int rank_ = 0;
  int size_ = 1;
  std::shared_ptr<Backend> backend_;
};

}  // namespace tandem::comm
