// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "tandem/base/field.h"

namespace tandem::train {

/// The type of weights and activations. Moments, master weights and summed gradients are fp32, or fp64 with
/// fp64.
enum class Precision { kFp32, kBf16, kFp64 };
constexpr auto choices(Precision) {
  return std::array{Choice<Precision>{"fp32", Precision::kFp32}, Choice<Precision>{"bf16", Precision::kBf16},
                    Choice<Precision>{"fp64", Precision::kFp64}};
}

/// How long, on how much at once, how exactly.
struct TrainConfig {
  int64_t steps = 0;
  int64_t global_batch = 0;
  std::optional<int64_t> micro_batch;  ///< Set once a RunConfig is resolved.
  int64_t seed = 1;
  Precision precision = Precision::kFp32;
  int64_t evaluate_every = 100;
  bool deterministic = true;

  bool operator==(const TrainConfig&) const = default;

  template <class Visitor>
  void visit(Visitor&& v) {
    v("steps", steps,
      Field{.help = "optimizer steps of the whole run",
            .unit = "steps",
            .minimum = 1,
            .maximum = 1e12,
            .required = true});
    v("global_batch", global_batch,
      Field{.help = "rows of one step over all ranks",
            .unit = "rows",
            .minimum = 1,
            .maximum = 1 << 30,
            .required = true});
    v("micro_batch", micro_batch,
      Field{.help = "rows of one forward of one data rank",
            .unit = "rows",
            .minimum = 1,
            .maximum = 1 << 30,
            .default_text = "global_batch / parallel.data"});
    v("seed", seed, Field{.help = "seed of weights, order, masks and dropout", .minimum = 0});
    v("precision", precision, Field{.help = "type of weights and activations"});
    v("evaluate_every", evaluate_every,
      Field{.help = "steps between evaluations on data.validation; 0: none",
            .unit = "steps",
            .minimum = 0,
            .maximum = 1e12});
    v("deterministic", deterministic,
      Field{.help = "same layout, same bits; so far every run is", .not_yet = "false"});
  }
};

}  // namespace tandem::train
