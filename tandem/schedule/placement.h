// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <vector>

#include "tandem/base/field.h"
#include "tandem/schedule/stages.h"

namespace tandem::schedule {

/// Which pipeline rank holds which layers. With one rank all three are the same.
enum class Placement {
  kSequential,  ///< Encoder layers on the first ranks, decoder layers on the others, as make_stages cuts
                ///< them.
  kFolded,      ///< Rank i of p holds encoder chunk i and decoder chunk p - 1 - i: down and up again, a V.
  kPaired,      ///< Rank i of p holds encoder chunk i and decoder chunk i.
};
constexpr auto choices(Placement) {
  return std::array{Choice<Placement>{"sequential", Placement::kSequential},
                    Choice<Placement>{"folded", Placement::kFolded},
                    Choice<Placement>{"paired", Placement::kPaired}};
}

/// Returns which layers each pipeline rank holds; chunks of folded and paired are an EvenCut of each stack.
/// Which ranks hold a shared tensor follows from it (model::tensor_table). Throws InputError where the
/// placement cannot be made: too few layers, or `encoder_stages` out of range or given for another one than
/// sequential.
std::vector<StageLayers> place_layers(Placement placement, const StageRules& rules);

}  // namespace tandem::schedule
