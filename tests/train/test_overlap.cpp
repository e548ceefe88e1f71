// SPDX-License-Identifier: Apache-2.0
// Gradients travel while backward still runs.
#include <algorithm>
#include <limits>
#include <map>
#include <string>

#include "tandem/observe/trace.h"
#include "tandem/train/sharded_model.h"
#include "tests/support/layout_comparison.h"
#include "tests/support/run_ranks.h"

namespace tandem::train {
namespace {

struct Times {
  int64_t first_reduction = std::numeric_limits<int64_t>::max();
  int64_t last_backward_start = 0;
  int64_t last_backward_end = 0;
  int num_reductions = 0;
};

// By the thread of the rank.
std::map<int, Times> times_of(const std::vector<observe::TraceEvent>& events) {
  std::map<int, Times> times;
  for (const observe::TraceEvent& event : events) {
    Times& own = times[event.thread];
    if (std::string(event.span.name) == "reduce_bucket") {
      own.first_reduction = std::min(own.first_reduction, event.start_ns);
      ++own.num_reductions;
    } else if (std::string(event.span.name) == "backward" && event.start_ns > own.last_backward_start) {
      own.last_backward_start = event.start_ns;
      own.last_backward_end = event.start_ns + event.duration_ns;
    }
  }
  return times;
}

TEST(Overlap, ReductionOfTheFirstBucketStartsBeforeBackwardEnds) {
  RunConfig config = testing::small_run(model::Positions::kRotary, Precision::kFp32);
  config.parallel.data = 2;
  observe::process_trace().start();
  testing::run_ranks(2, [&](const comm::World& world) {
    ShardedModel model(config, world, /*max_bucket_elements=*/2000);
    model.train_step(0, testing::micro_batches(config, 0, model.coordinate().data), 1e-3);
  });
  observe::process_trace().stop();
  const std::map<int, Times> times = times_of(observe::process_trace().events());
  ASSERT_EQ(times.size(), 2u);
  for (const auto& [thread, own] : times) {
    EXPECT_GT(own.num_reductions, 2);
    // Inside the last backward: never before it, when gradients are not whole yet.
    EXPECT_GT(own.first_reduction, own.last_backward_start);
    EXPECT_LT(own.first_reduction, own.last_backward_end);
  }
}

}  // namespace
}  // namespace tandem::train
