// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/join.h"

#include <chrono>

#include "tandem/launch/listener.h"

namespace tandem::train {

comm::World join(const parallel::ParallelConfig& config, const launch::RankEnvironment& environment) {
  Descriptor listener = launch::listen_for_ranks(environment);
  return comm::World::join({.master_address = environment.master_address,
                            .master_port = environment.master_port,
                            .rank = environment.rank,
                            .world_size = environment.world_size,
                            .listen_descriptor = listener.release(),
                            .attempt = environment.attempt,
                            .own_address = environment.interface_address,
                            .join_deadline = std::chrono::seconds(config.join_seconds),
                            .collective_deadline = std::chrono::seconds(config.collective_seconds)});
}

}  // namespace tandem::train
