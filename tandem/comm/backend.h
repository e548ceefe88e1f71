// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <utility>

#include <ATen/core/Tensor.h>

namespace tandem::comm {

enum class Reduce { kSum, kMax };

/// An operation under way. Its tensors must stay untouched until wait() has returned. Move-only; an operation
/// whose handle is dropped goes on, its result unseen.
class Pending {
 public:
  Pending() = default;  ///< nothing under way
  explicit Pending(std::function<void()> finish) : finish_(std::move(finish)) {}
  Pending(Pending&& other) noexcept : finish_(std::exchange(other.finish_, nullptr)) {}
  Pending& operator=(Pending&& other) noexcept {
    finish_ = std::exchange(other.finish_, nullptr);
    return *this;
  }

  /// Blocks until the operation is done. Throws EnvironmentError, naming group, operation and sequence
  /// number, when a peer is lost or the deadline passes. Does nothing the second time.
  void wait() {
    if (finish_) std::exchange(finish_, nullptr)();
  }

 private:
  std::function<void()> finish_;
};

/// What a communication library does for one group: the few operations that everything else is made of. One
/// object a rank; calls of one rank come from one thread. Tensors are contiguous and on the backend's device.
/// Starting an operation and waiting for it throw EnvironmentError, naming group, rank, operation and its
/// number, when a peer is lost or the group's deadline passes.
class Backend {
 public:
  virtual ~Backend() = default;

  /// Reduces in place over all ranks. Every rank receives the same bits.
  virtual Pending all_reduce(at::Tensor tensor, Reduce operation) = 0;
  /// Copies rank `root`'s tensor to all.
  virtual Pending broadcast(at::Tensor tensor, int root) = 0;
  /// Sends to, or receives from, another rank; messages match by tag and then by order. Both sides of a pair
  /// may start receiving before they send. A library that cannot do so (NCCL) offers neither and throws
  /// BugError.
  virtual Pending send(at::Tensor tensor, int to, int tag) = 0;
  virtual Pending receive(at::Tensor tensor, int from, int tag) = 0;
};

}  // namespace tandem::comm
