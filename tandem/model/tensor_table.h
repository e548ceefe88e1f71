// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "tandem/layout/tensor_spec.h"
#include "tandem/model/model_config.h"
#include "tandem/schedule/stages.h"

namespace tandem::model {

/// Returns the one stage of a model that is not cut.
schedule::StageLayers all_layers(const ModelConfig& config);

// clang-format off
/// Lists every parameter tensor of the model: name, global shape, the dim that tensor parallelism splits, the
/// stages that hold it, initial values. Names and shapes are the same under every layout; only `stages` depends
/// on the split, `stages` (any placement's: schedule/placement.h). The order is that of the forward pass. Shapes: D hidden, H heads, E head_dim, F feed_forward, V vocabulary.
///
///   embedding                   [V, D]        rows split; on the first encoder stage, the first decoder stage and,
///                                             tied, the last decoder stage; only on the first where it is also the
///                                             last decoder stage (folded placement, or one stage)
///   {encoder,decoder}.relative_bias  [buckets, H]  columns split; on every stage of the stack (relative_bias only)
///   S.norm                      [D]           whole; before each sublayer S, and after each stack
///   S.query_key_value           [3, H E, D]   heads split
///   S.key_value                 [2, H E, D]   heads split
///   S.query                     [H E, D]      heads split
///   S.output                    [D, H E]      heads split
///   S.gate_up                   [2, F, D]     inner width split
///   S.down                      [D, F]        inner width split
///   head                        [V, D]        rows split; untied only, on the last decoder stage
///
/// with S one of encoder.layer.N.{attention,feed_forward} and
/// decoder.layer.N.{self_attention,cross_attention,feed_forward}; the norms after the stacks are encoder.norm and
/// decoder.norm.
// clang-format on
std::vector<layout::TensorSpec> tensor_table(const ModelConfig& config,
                                             const std::vector<schedule::StageLayers>& stages);

}  // namespace tandem::model
