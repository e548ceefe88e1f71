// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include <ATen/core/Tensor.h>

#include "tandem/base/error.h"
#include "tandem/layout/tensor_spec.h"

namespace tandem::model {

/// One parameter tensor as a rank holds it. Operations do not let autograd build its gradient: in backward
/// they add it to `gradient` themselves, in the accumulation type, and report that the use is over. So sums
/// over micro-batches and over the uses of a shared table are fp32 also in bf16 training, and a bucket can be
/// reduced while backward still runs. Owned by the trainer; not copyable; used by one thread.
struct Parameter {
  layout::TensorSpec spec;
  /// Local shape, compute type. Requires grad, so that graphs reach the operations that use it; its .grad
  /// stays undefined.
  at::Tensor value;
  /// Local shape, contiguous; fp32, or fp64 in fp64 training. Undefined where nothing is trained.
  at::Tensor gradient;
  /// Called when a use is over and no other use of this parameter, of any micro-batch, is still to come back.
  std::function<void()> on_settled;

  Parameter() = default;
  Parameter(const Parameter&) = delete;
  Parameter& operator=(const Parameter&) = delete;
  Parameter(Parameter&&) = default;

  /// Counts a use. An operation calls it in forward when it will be differentiated (grad mode is on).
  void begin_use() { ++open_uses_; }
  /// Ends a use, after the operation's backward has added its part to `gradient`.
  void end_use() {
    if (--open_uses_ == 0 && on_settled) on_settled();
  }
  /// Adds a gradient of the local shape (any floating type) to `gradient` and ends the use.
  void accumulate(const at::Tensor& part) {
    gradient.add_(part);
    end_use();
  }

 private:
  int64_t open_uses_ = 0;
};

/// The parameters that a rank holds, by name. Addresses stay.
class Parameters {
 public:
  /// Adds an empty parameter of a spec.
  Parameter& add(const layout::TensorSpec& spec) {
    Parameter& parameter = by_name_[spec.name];
    parameter.spec = spec;
    return parameter;
  }
  /// Returns a parameter that is held (BugError otherwise).
  Parameter& at(const std::string& name) {
    const auto found = by_name_.find(name);
    TANDEM_CHECK(found != by_name_.end(), "no parameter {}", name);
    return found->second;
  }
  auto begin() { return by_name_.begin(); }
  auto end() { return by_name_.end(); }

 private:
  std::map<std::string, Parameter> by_name_;
};

}  // namespace tandem::model
