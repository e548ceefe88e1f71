// SPDX-License-Identifier: Apache-2.0
#include "tandem/schedule/stages.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "tandem/base/error.h"

namespace tandem::schedule {

namespace {

// First layer of part `part` when `layers` are cut into `parts`.
int part_begin(int layers, int parts, int part) {
  return part * (layers / parts) + std::min(part, layers % parts);
}

int choose_encoder_stages(const StageRules& rules) {
  // A decoder layer against an encoder layer, quadratic terms dropped: 28 h^2 a target position and 4 h^2 a
  // source position against 24 h^2 a source position.
  const double ratio = static_cast<double>(rules.target_length) / rules.source_length;
  const double decoder_cost = (28 * ratio + 4) / 24;
  int best = 0;
  double best_time = std::numeric_limits<double>::infinity();
  for (int encoder = 1; encoder < rules.num_stages; ++encoder) {
    const int decoder = rules.num_stages - encoder;
    if (encoder > rules.encoder_layers || decoder > rules.decoder_layers) continue;
    const int most_encoder_layers = (rules.encoder_layers + encoder - 1) / encoder;
    const int most_decoder_layers = (rules.decoder_layers + decoder - 1) / decoder;
    const double time = std::max<double>(most_encoder_layers, most_decoder_layers * decoder_cost);
    if (time < best_time) best = encoder, best_time = time;
  }
  return best;
}

}  // namespace

std::vector<StageLayers> make_stages(const StageRules& rules) {
  TANDEM_CHECK(rules.num_stages >= 1 && rules.encoder_layers >= 1 && rules.decoder_layers >= 1);
  if (rules.num_stages == 1)
    return {{.encoder_end = rules.encoder_layers, .decoder_end = rules.decoder_layers}};
  const int encoder = rules.encoder_stages.value_or(choose_encoder_stages(rules));
  const int decoder = rules.num_stages - encoder;
  TANDEM_CHECK(
      encoder >= 1 && decoder >= 1 && encoder <= rules.encoder_layers && decoder <= rules.decoder_layers,
      "{} + {} stages for {} + {} layers", encoder, decoder, rules.encoder_layers, rules.decoder_layers);
  std::vector<StageLayers> stages;
  for (int i = 0; i < encoder; ++i)
    stages.push_back({.encoder_begin = part_begin(rules.encoder_layers, encoder, i),
                      .encoder_end = part_begin(rules.encoder_layers, encoder, i + 1)});
  for (int i = 0; i < decoder; ++i)
    stages.push_back({.encoder_begin = rules.encoder_layers,
                      .encoder_end = rules.encoder_layers,
                      .decoder_begin = part_begin(rules.decoder_layers, decoder, i),
                      .decoder_end = part_begin(rules.decoder_layers, decoder, i + 1)});
  return stages;
}

std::string to_string(BundleTensor::Name name) {
  return name == BundleTensor::Name::kHidden ? "hidden" : "memory";
}

std::vector<BundleTensor> bundle_after(const std::vector<StageLayers>& stages, int stage) {
  using enum BundleTensor::Name;
  using enum BundleTensor::Rows;
  const BundleTensor memory{kMemory, kSource, BundleTensor::Gradient::kAccumulation};
  const auto index = static_cast<size_t>(stage);
  TANDEM_CHECK(index < stages.size(), "stage {} of {}", stage, stages.size());
  if (index + 1 == stages.size()) return {};
  if (stages[index + 1].has_encoder()) return {{kHidden, kSource}};
  if (!stages[index].has_decoder()) return {memory};
  return {{kHidden, kTarget}, memory};
}

}  // namespace tandem::schedule
