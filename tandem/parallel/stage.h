// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace tandem::parallel {

/// A tensor that crosses a stage border, for one micro-batch. Every stage after the border must give its
/// gradient in training, zeros if need be: a missing one is an error.
struct BorderTensor {
  std::string name;
  std::vector<int64_t> shape;
  at::ScalarType value_type = at::kFloat;     ///< on the wire, forward
  at::ScalarType gradient_type = at::kFloat;  ///< on the wire, backward
};

/// What the executor needs to know of a stage: the shapes of its borders and how to run it forward. Backward
/// is autograd's.
class Stage {
 public:
  virtual ~Stage() = default;

  /// Returns what crosses the border before and after this stage for a micro-batch, in the order of the
  /// border's declaration; nothing before the first stage and after the last. Both sides of a border say the
  /// same.
  virtual std::vector<BorderTensor> incoming(int micro_batch) const = 0;
  virtual std::vector<BorderTensor> outgoing(int micro_batch) const = 0;

  /// Runs the stage: incoming tensors (of their gradient type, requiring grad when training) -> outgoing
  /// ones; the last stage returns one scalar, its share of the step's loss.
  virtual std::vector<at::Tensor> forward(int micro_batch, const std::vector<at::Tensor>& incoming) = 0;
};

}  // namespace tandem::parallel
