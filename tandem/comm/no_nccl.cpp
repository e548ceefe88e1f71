// SPDX-License-Identifier: Apache-2.0
// Stands in for nccl_group.cpp in a build without CUDA.
#include "tandem/base/error.h"
#include "tandem/comm/nccl_group.h"

namespace tandem::comm {

std::shared_ptr<Backend> connect_nccl(const c10::intrusive_ptr<c10d::Store>&, const NcclOptions& options) {
  throw InputError(
      "group {}: this build has no CUDA; configure it with -DTANDEM_CUDA=ON, or train on the CPU",
      options.name);
}

}  // namespace tandem::comm
