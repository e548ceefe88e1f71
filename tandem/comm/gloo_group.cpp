// SPDX-License-Identifier: Apache-2.0
#include "tandem/comm/gloo_group.h"

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "tandem/comm/c10d_backend.h"

namespace tandem::comm {

std::shared_ptr<Backend> connect_gloo(const c10::intrusive_ptr<c10d::Store>& store,
                                      const GlooOptions& options) {
  const GroupPlace place{.name = options.name, .rank = options.rank, .size = options.size};
  try {
    auto gloo = c10d::ProcessGroupGloo::Options::create(options.deadline);
    gloo->devices = {
        c10d::ProcessGroupGloo::createDeviceForHostname(options.own_address, /*lazyInit=*/false)};
    gloo->threads = 2;
    return as_backend(
        c10::make_intrusive<c10d::ProcessGroupGloo>(
            c10::make_intrusive<c10d::PrefixStore>(options.name, store), options.rank, options.size, gloo),
        place);
  } catch (const std::exception& error) {
    fail_to_connect(place, error);
  }
}

}  // namespace tandem::comm
