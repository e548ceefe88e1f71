// SPDX-License-Identifier: Apache-2.0
#include "tandem/schedule/stages.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "tandem/base/error.h"

namespace tandem::schedule {

namespace {

// The first part of each half is its longest; the last decoder stage has the head beside its layers.
double slowest_stage(const StageRules& rules, int encoder_stages) {
  const int decoder_stages = rules.num_stages - encoder_stages;
  const EvenCut encoder{.layers = rules.encoder_layers, .parts = encoder_stages};
  const EvenCut decoder{.layers = rules.decoder_layers, .parts = decoder_stages};
  const LayerCosts& costs = rules.costs;
  return std::max({encoder.size(0) * costs.encoder_layer, decoder.size(0) * costs.decoder_layer,
                   decoder.size(decoder_stages - 1) * costs.decoder_layer + costs.head});
}

int choose_encoder_stages(const StageRules& rules) {
  int best = 0;
  double best_cost = std::numeric_limits<double>::infinity();
  for (int encoder = 1; encoder < rules.num_stages; ++encoder) {
    const int decoder = rules.num_stages - encoder;
    if (encoder > rules.encoder_layers || decoder > rules.decoder_layers) continue;
    const double cost = slowest_stage(rules, encoder);
    if (cost < best_cost) best = encoder, best_cost = cost;
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
  const EvenCut encoder_cut{.layers = rules.encoder_layers, .parts = encoder};
  const EvenCut decoder_cut{.layers = rules.decoder_layers, .parts = decoder};
  std::vector<StageLayers> stages;
  for (int i = 0; i < encoder; ++i)
    stages.push_back({.encoder_begin = encoder_cut.begin(i), .encoder_end = encoder_cut.begin(i + 1)});
  for (int i = 0; i < decoder; ++i)
    stages.push_back({.encoder_begin = rules.encoder_layers,
                      .encoder_end = rules.encoder_layers,
                      .decoder_begin = decoder_cut.begin(i),
                      .decoder_end = decoder_cut.begin(i + 1)});
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
