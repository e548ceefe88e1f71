// SPDX-License-Identifier: Apache-2.0
#include "tandem/schedule/placement.h"

#include "tandem/base/error.h"

namespace tandem::schedule {

namespace {

void require_sequential(const StageRules& rules) {
  const int stages = rules.num_stages, encoder = rules.encoder_layers, decoder = rules.decoder_layers;
  if (!rules.encoder_stages) {
    if (stages > 1 && stages > encoder + decoder)
      throw InputError(
          "placement sequential: {} stages are more than {} encoder + {} decoder layers, but a stage holds "
          "at "
          "least one; use at most {}",
          stages, encoder, decoder, encoder + decoder);
    return;
  }
  const int first = *rules.encoder_stages, rest = stages - first;
  if (first < 1 || rest < 1 || first > encoder || rest > decoder)
    throw InputError(
        "placement sequential: {} encoder of {} stages for {} encoder + {} decoder layers; each half needs a "
        "stage, and each stage a layer",
        first, stages, encoder, decoder);
}

void require_chunks(Placement placement, const StageRules& rules) {
  if (rules.encoder_stages)
    throw InputError("placement {}: every rank holds encoder layers; leave encoder_stages out",
                     name_of(placement));
  const int layers = std::min(rules.encoder_layers, rules.decoder_layers);
  if (rules.num_stages > layers)
    throw InputError(
        "placement {}: each of {} ranks holds a layer of the encoder and one of the decoder, but there are "
        "{} "
        "encoder and {} decoder layers; use at most {} ranks",
        name_of(placement), rules.num_stages, rules.encoder_layers, rules.decoder_layers, layers);
}

}  // namespace

std::vector<StageLayers> place_layers(Placement placement, const StageRules& rules) {
  TANDEM_CHECK(rules.num_stages >= 1 && rules.encoder_layers >= 1 && rules.decoder_layers >= 1);
  if (placement == Placement::kSequential) {
    require_sequential(rules);
    return make_stages(rules);
  }
  require_chunks(placement, rules);
  const EvenCut encoder{.layers = rules.encoder_layers, .parts = rules.num_stages};
  const EvenCut decoder{.layers = rules.decoder_layers, .parts = rules.num_stages};
  std::vector<StageLayers> stages;
  for (int rank = 0; rank < rules.num_stages; ++rank) {
    const int chunk = placement == Placement::kFolded ? rules.num_stages - 1 - rank : rank;
    stages.push_back({.encoder_begin = encoder.begin(rank),
                      .encoder_end = encoder.begin(rank + 1),
                      .decoder_begin = decoder.begin(chunk),
                      .decoder_end = decoder.begin(chunk + 1)});
  }
  return stages;
}

}  // namespace tandem::schedule
