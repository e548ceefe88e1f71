// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "tandem/base/field.h"

namespace tandem::checkpoint {

/// What to do with a run whose newest step is damaged.
enum class OnCorrupt { kFallback, kStop };
constexpr auto choices(OnCorrupt) {
  return std::array{Choice<OnCorrupt>{"fallback", OnCorrupt::kFallback},
                    Choice<OnCorrupt>{"stop", OnCorrupt::kStop}};
}

/// When the state is saved, where, and what a new run starts from.
struct CheckpointConfig {
  int64_t every_steps = 1000;  ///< 0: only at the end and when stopped.
  int64_t keep = 3;            ///< 0: all.
  int64_t keep_every = 0;
  int64_t keep_best = 0;
  bool async = true;
  int64_t staging_bytes = 0;
  int64_t max_failures = 3;
  OnCorrupt on_corrupt = OnCorrupt::kFallback;
  std::optional<std::string> directory;
  std::optional<std::string> local_directory;
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
    v("keep_every", keep_every,
      Field{.help = "checkpoints whose step this divides stay too; 0: none",
            .unit = "steps",
            .minimum = 0,
            .maximum = 1e12});
    v("keep_best", keep_best,
      Field{.help = "checkpoints with the lowest held-out loss stay too, so many, of those that "
                    "train.evaluate_every evaluates when they are saved; 0: none",
            .unit = "checkpoints",
            .minimum = 0,
            .maximum = 1e9});
    v("async", async,
      Field{.help =
                "save while training goes on, from a copy; a save that is due while one is under way waits "
                "for it. false: training waits for each"});
    v("staging_bytes", staging_bytes,
      Field{.help = "most memory a rank takes for that copy; a rank with more to save waits for its save; 0: "
                    "no bound",
            .unit = "bytes",
            .minimum = 0,
            .maximum = 1e15});
    v("max_failures", max_failures,
      Field{.help = "saves, or copies from local_directory, that may fail in a row before the run stops with "
                    "exit code 3; 1: stop at once",
            .unit = "failures",
            .minimum = 1,
            .maximum = 1e9});
    v("on_corrupt", on_corrupt,
      Field{.help =
                "what to do where the newest step turns out damaged: go back to the one before, or stop"});
    v("directory", directory,
      Field{.help = "folder of checkpoints", .default_text = "checkpoints/ in run_directory"});
    v("local_directory", local_directory,
      Field{.help = "folder on each node's own fast disk: checkpoints are saved there, then copied in the "
                    "background to where they stay; each is read from where it is nearest",
            .default_text = "none: saved where they stay"});
    v("start_from", start_from,
      Field{.help = "run, step folder or imported model whose weights a new run starts with (weights only)",
            .default_text = "none: fresh weights"});
  }
};

}  // namespace tandem::checkpoint
