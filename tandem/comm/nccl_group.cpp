// SPDX-License-Identifier: Apache-2.0
#include "tandem/comm/nccl_group.h"

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include "tandem/comm/c10d_backend.h"

namespace tandem::comm {

std::shared_ptr<Backend> connect_nccl(const c10::intrusive_ptr<c10d::Store>& store,
                                      const NcclOptions& options) {
  const GroupPlace place{.name = options.name, .rank = options.rank, .size = options.size};
  try {
    auto nccl = c10d::ProcessGroupNCCL::Options::create();
    nccl->timeout = options.deadline;
    return as_backend(
        c10::make_intrusive<c10d::ProcessGroupNCCL>(
            c10::make_intrusive<c10d::PrefixStore>(options.name, store), options.rank, options.size, nccl),
        place);
  } catch (const std::exception& error) {
    fail_to_connect(place, error);
  }
}

}  // namespace tandem::comm
