// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "tandem/base/field.h"

namespace tandem::parallel {

/// Which ranks hold which stages.
enum class Placement {
  kSequential,  ///< Encoder stages on the first ranks, decoder stages on the others.
};
constexpr auto choices(Placement) {
  return std::array{Choice<Placement>{"sequential", Placement::kSequential}, Choice<Placement>{"folded", {}},
                    Choice<Placement>{"paired", {}}};
}

/// In which order a stage works on its micro-batches.
enum class Schedule {
  k1f1b,   ///< Backward as early as possible: PipeDream-Flush (Narayanan et al., arXiv 2006.09503).
  kGpipe,  ///< All forwards, then all backwards (Huang et al., arXiv 1811.06965).
};
constexpr auto choices(Schedule) {
  return std::array{Choice<Schedule>{"1f1b", Schedule::k1f1b},
                    Choice<Schedule>{"gpipe", Schedule::kGpipe},
                    Choice<Schedule>{"interleaved", {}},
                    Choice<Schedule>{"zb_h1", {}},
                    Choice<Schedule>{"zb_h2", {}},
                    Choice<Schedule>{"zb_v", {}}};
}

/// How the work is split over ranks: data x tensor x pipeline of them.
struct ParallelConfig {
  int64_t data = 1;
  int64_t tensor = 1;
  int64_t pipeline = 1;
  std::optional<int64_t>
      encoder_stages;  ///< Of the pipeline stages; unset: the split whose slowest stage is fastest.
  Placement placement = Placement::kSequential;
  Schedule schedule = Schedule::k1f1b;
  bool sharded_optimizer = true;
  int64_t join_seconds = 60;
  int64_t collective_seconds = 600;

  bool operator==(const ParallelConfig&) const = default;

  template <class Visitor>
  void visit(Visitor&& v) {
    v("data", data,
      Field{
          .help = "ranks that share the rows of a batch", .unit = "ranks", .minimum = 1, .maximum = 1 << 16});
    v("tensor", tensor,
      Field{.help = "ranks that share each layer", .unit = "ranks", .minimum = 1, .maximum = 1 << 16});
    v("pipeline", pipeline,
      Field{.help = "stages that the layers are split into",
            .unit = "ranks",
            .minimum = 1,
            .maximum = 1 << 13});
    v("encoder_stages", encoder_stages,
      Field{.help = "stages that hold encoder layers",
            .unit = "stages",
            .minimum = 1,
            .maximum = 1 << 13,
            .default_text = "the split whose slowest stage is fastest"});
    v("placement", placement, Field{.help = "which ranks hold which stages"});
    v("schedule", schedule, Field{.help = "order of forward and backward over micro-batches"});
    v("sharded_optimizer", sharded_optimizer, Field{.help = "optimizer state split over the data ranks"});
    v("join_seconds", join_seconds,
      Field{.help = "how long a rank waits for all others to start",
            .unit = "seconds",
            .minimum = 1,
            .maximum = 86400});
    v("collective_seconds", collective_seconds,
      Field{.help = "how long a rank waits for another within the run",
            .unit = "seconds",
            .minimum = 1,
            .maximum = 86400});
  }
};

}  // namespace tandem::parallel
