// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "tandem/base/field.h"

namespace tandem::observe {

/// What a run tells of itself. metrics.jsonl has every step in any case.
struct ObserveConfig {
  int64_t log_every = 10;
  bool tensorboard = true;
  bool trace = false;

  bool operator==(const ObserveConfig&) const = default;

  template <class Visitor>
  void visit(Visitor&& v) {
    v("log_every", log_every,
      Field{.help = "steps between log lines", .unit = "steps", .minimum = 1, .maximum = 1e12});
    v("tensorboard", tensorboard, Field{.help = "write TensorBoard events"});
    v("trace", trace, Field{.help = "write a Chrome trace of every rank to trace/ in run_directory"});
  }
};

}  // namespace tandem::observe
