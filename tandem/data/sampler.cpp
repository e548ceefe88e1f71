// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/sampler.h"

#include <utility>

#include "tandem/base/error.h"
#include "tandem/base/random.h"

namespace tandem::data {
namespace {

std::vector<double> weights_of(const std::vector<SampledSource>& sources) {
  std::vector<double> weights;
  for (size_t i = 0; i < sources.size(); ++i) {
    if (sources[i].elements == 0) throw InputError("data source {} holds no samples; leave it out", i);
    weights.push_back(sources[i].weight);
  }
  return weights;
}

}  // namespace

Sampler::Sampler(std::vector<SampledSource> sources, uint64_t seed)
    : sources_(std::move(sources)), seed_(seed), mixture_(weights_of(sources_)) {}

Position Sampler::operator()(uint64_t global_row) const {
  const MixtureDraw draw = mixture_(global_row);
  const uint64_t elements = sources_[draw.source].elements;
  const uint64_t epoch = draw.index / elements;
  const Permutation order(CounterRandom(seed_, "order", draw.source, epoch), elements);
  return {.source = draw.source, .epoch = epoch, .element = order(draw.index % elements)};
}

}  // namespace tandem::data
