// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tandem/base/field.h"

namespace tandem::checkpoint {

/// When the state is saved, where, and what a new run starts from.
struct CheckpointConfig {
  int64_t every_steps = 1000;  ///< 0: only at the end and when stopped.
  int64_t keep = 3;            ///< 0: all.
  bool async = false;
  std::optional<std::string> directory;
  std::optional<std::string> start_from;

  bool operator==(const CheckpointConfig&) const = default;

  template <class Visitor>
  void visit(Visitor&& v) {
    v("every_steps", every_steps,
      Field{.help = "steps between checkpoints; 0: only at the end",
            .unit = "steps",
            .minimum = 0,
            .maximum = 1e12});
    v("keep", keep,
      Field{.help = "newest checkpoints that stay; 0: all",
            .unit = "checkpoints",
            .minimum = 0,
            .maximum = 1e9});
    v("async", async, Field{.help = "save while training goes on", .not_yet = "true"});
    v("directory", directory,
      Field{.help = "folder of checkpoints", .default_text = "checkpoints/ in run_directory"});
    v("start_from", start_from,
      Field{.help = "run, step folder or imported model whose weights a new run starts with (weights only)",
            .default_text = "none: fresh weights"});
  }
};

}  // namespace tandem::checkpoint
