// SPDX-License-Identifier: Apache-2.0
#include <mutex>
#include <set>
#include <thread>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tandem/model/kernels/dispatch.h"

namespace tandem::model::kernels {
namespace {

// Without OpenMP in the build, at::parallel_for is a plain loop that says nothing.
TEST(ForRows, HandsRowsToAllThreadsOnceEach) {
  const int before = at::get_num_threads();
  at::set_num_threads(2);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  int64_t rows = 0;
  for_rows(64, 1 << 20, [&](Rows some) {
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
    rows += some.end - some.begin;
  });
  at::set_num_threads(before);
  EXPECT_EQ(threads.size(), 2U);
  EXPECT_EQ(rows, 64);
}

}  // namespace
}  // namespace tandem::model::kernels
