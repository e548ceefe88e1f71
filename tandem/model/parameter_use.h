// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "tandem/model/parameter.h"

namespace tandem::model {

/// Counts a use of `parameter` if an operation that is called now will be differentiated by it. Call before
/// Function::apply, inside of which grad mode is off.
inline void count_use(Parameter& parameter) {
  if (at::GradMode::is_enabled() && parameter.value.requires_grad()) parameter.begin_use();
}

/// Keeps a pointer to a parameter from forward to backward: parameters outlive graphs.
inline void keep(torch::autograd::AutogradContext* context, Parameter& parameter) {
  context->saved_data["parameter"] = reinterpret_cast<int64_t>(&parameter);
}
inline Parameter& kept(torch::autograd::AutogradContext* context) {
  return *reinterpret_cast<Parameter*>(context->saved_data["parameter"].toInt());
}

}  // namespace tandem::model
