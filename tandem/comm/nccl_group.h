// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <torch/csrc/distributed/c10d/Store.hpp>

#include "tandem/comm/backend.h"

namespace tandem::comm {

struct NcclOptions {
  std::string name;
  int rank = 0;
  int size = 1;
  std::chrono::milliseconds deadline{600'000};
};

/// Connects the ranks of one group over NCCL, one GPU a rank: each has made its own the current device. All
/// of them call; the connection itself is made by the first operation. Waiting orders the current stream
/// behind the operation, without blocking the host. All-reduce and broadcast only: send and receive throw
/// BugError. NCCL has no tags, and two ranks that both receive before they send wait for each other for ever,
/// so that pairwise exchanges need its grouped calls, which Backend does not have. Past the deadline c10d's
/// watchdog logs the operation and ends the process. Throws InputError in a build without CUDA,
/// EnvironmentError where no GPU is found.
std::shared_ptr<Backend> connect_nccl(const c10::intrusive_ptr<c10d::Store>& store,
                                      const NcclOptions& options);

}  // namespace tandem::comm
