// SPDX-License-Identifier: Apache-2.0
#include "tandem/base/thread_team.h"

#include <exception>
#include <thread>
#include <vector>

namespace tandem {

void run_on_threads(int threads, const std::function<void(size_t)>& work) {
  std::vector<std::exception_ptr> failures(static_cast<size_t>(threads));
  const auto run = [&](size_t thread) {
    try {
      work(thread);
    } catch (...) {
      failures[thread] = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    for (size_t thread = 1; thread < failures.size(); ++thread) others.emplace_back(run, thread);
    run(0);
  }
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

}  // namespace tandem
