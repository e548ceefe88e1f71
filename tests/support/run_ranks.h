// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "tandem/comm/rendezvous.h"

namespace tandem::testing {

/// Runs `body` on `size` ranks that are threads of this process, connected by Gloo over loopback. An
/// exception of any rank fails the test and is shown with its rank.
inline void run_ranks(int size, const std::function<void(const comm::World&)>& body,
                      std::chrono::milliseconds deadline = std::chrono::seconds(60)) {
  const std::vector<comm::World> worlds =
      size == 1 ? std::vector<comm::World>{comm::World::alone()} : comm::World::in_threads(size, deadline);
  std::vector<std::string> errors(static_cast<size_t>(size));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([&, rank] {
      at::set_num_threads(1);
      try {
        body(worlds[static_cast<size_t>(rank)]);
      } catch (const std::exception& error) {
        errors[static_cast<size_t>(rank)] = error.what();
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (int rank = 0; rank < size; ++rank)
    if (!errors[static_cast<size_t>(rank)].empty())
      ADD_FAILURE() << "rank " << rank << ": " << errors[static_cast<size_t>(rank)];
}

}  // namespace tandem::testing
