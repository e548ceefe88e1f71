// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <torch/csrc/distributed/c10d/Store.hpp>

#include "tandem/comm/backend.h"

namespace tandem::comm {

struct GlooOptions {
  std::string name;
  int rank = 0;
  int size = 1;
  std::string own_address;
  std::chrono::milliseconds deadline{600'000};  ///< for connecting, and for each operation
};

/// Connects the ranks of one group over Gloo (TCP, CPU tensors); this rank's sockets are bound to
/// `own_address`. All of them call; blocks until they have. Throws EnvironmentError where a rank is missing
/// at the deadline.
std::shared_ptr<Backend> connect_gloo(const c10::intrusive_ptr<c10d::Store>& store,
                                      const GlooOptions& options);

}  // namespace tandem::comm
