// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "tandem/base/field.h"

namespace tandem::parallel {

/// How the learning rate falls after the warm-up.
enum class Decay {
  kNone,
  kLinear,  ///< By the same amount each step, from the full rate; the step after the last would have zero.
  kCosine,  ///< Along half a cosine over the same steps.
  kInverseSqrt,  ///< With the square root of steps since the start.
};
constexpr auto choices(Decay) {
  return std::array{Choice<Decay>{"none", Decay::kNone}, Choice<Decay>{"linear", Decay::kLinear},
                    Choice<Decay>{"cosine", Decay::kCosine},
                    Choice<Decay>{"inverse_sqrt", Decay::kInverseSqrt}};
}

/// AdamW (Loshchilov and Hutter, arXiv 1711.05101, algorithm 2) and its learning rate.
struct OptimizerConfig {
  double learning_rate = 1e-3;
  /// Whether rates are in units of each tensor's initial deviation (1 for norms and bias tables): AdamW
  /// as if every tensor were trained as a multiple of it. T5's tensors differ by a factor of hundred, and
  /// Adam's updates do not know it; Adafactor's relative step sizes do (Shazeer and Stern, arXiv 1804.04235,
  /// section 8), with the weights' present size, which the ranks would have to sum.
  bool relative_rate = false;
  int64_t warmup_steps = 0;
  Decay decay = Decay::kNone;
  double weight_decay = 0.01;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double clip_norm = 1;  ///< 0: no clipping.

  bool operator==(const OptimizerConfig&) const = default;

  template <class Visitor>
  void visit(Visitor&& v) {
    v("learning_rate", learning_rate, Field{.help = "highest learning rate", .minimum = 0, .maximum = 1});
    v("relative_rate", relative_rate,
      Field{.help = "the learning rate counts in units of each tensor's initial standard deviation"});
    v("warmup_steps", warmup_steps,
      Field{.help = "steps of linear rise to the learning rate",
            .unit = "steps",
            .minimum = 0,
            .maximum = 1e12});
    v("decay", decay, Field{.help = "how the learning rate falls after the warm-up"});
    v("weight_decay", weight_decay,
      Field{.help = "decoupled decay of weights, times the learning rate", .minimum = 0, .maximum = 10});
    v("beta1", beta1, Field{.help = "memory of the first moment", .minimum = 0, .maximum = 0.999999});
    v("beta2", beta2, Field{.help = "memory of the second moment", .minimum = 0, .maximum = 0.9999999});
    v("epsilon", epsilon,
      Field{.help = "added to the root of the second moment", .minimum = 1e-16, .maximum = 1});
    v("clip_norm", clip_norm,
      Field{
          .help = "largest gradient norm of the whole model; 0: no clipping", .minimum = 0, .maximum = 1e12});
  }
};

}  // namespace tandem::parallel
