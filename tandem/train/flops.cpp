// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/flops.h"

namespace tandem::train {

schedule::LayerCosts layer_costs(const model::ModelConfig& config, const StepTokens& tokens) {
  const auto source = static_cast<double>(tokens.source), target = static_cast<double>(tokens.target);
  const auto rows = static_cast<double>(tokens.rows);
  const auto hidden = static_cast<double>(config.hidden);
  const auto inner = static_cast<double>(config.heads * config.head_dim);
  const double projection = hidden * inner,
               feed_forward = 3 * hidden * static_cast<double>(config.feed_forward);
  // Scores and their product with the values, over all pairs of positions of a row.
  const double pairs_encoder = 2 * inner * source * source / rows;
  const double pairs_decoder = 2 * inner * (target * target + target * source) / rows;
  return {.encoder_layer = source * (4 * projection + feed_forward) + pairs_encoder,
          .decoder_layer = target * (6 * projection + feed_forward) + source * 2 * projection + pairs_decoder,
          .head = target * hidden * static_cast<double>(config.vocabulary)};
}

double step_flops(const model::ModelConfig& config, const StepTokens& tokens) {
  const schedule::LayerCosts costs = layer_costs(config, tokens);
  return 6 * (static_cast<double>(config.encoder_layers) * costs.encoder_layer +
              static_cast<double>(config.decoder_layers) * costs.decoder_layer + costs.head);
}

}  // namespace tandem::train
