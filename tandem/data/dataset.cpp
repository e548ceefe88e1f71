// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/dataset.h"

#include <utility>

#include "tandem/base/error.h"
#include "tandem/base/random.h"
#include "tandem/data/open_source.h"
#include "tandem/data/sampler.h"

namespace tandem::data {

struct Dataset::State {
  std::vector<std::unique_ptr<SampleSource>> sources;
  std::vector<uint64_t> before;  // samples of the sources before each
  uint64_t size = 0;
  std::optional<Sampler> sampler;
  uint64_t seed = 0;
  SpecialIds ids;
  std::optional<std::string> tokenizer_path;
  std::string tokenizer_hash;
};

Dataset Dataset::open(const DatasetOptions& options) {
  if (options.sources.empty()) throw InputError("data.train names no data");
  auto state = std::make_shared<State>();
  std::vector<SampledSource> sampled;
  for (const WeightedPath& path : options.sources) {
    OpenedSource source = open_source(path.path, options);
    const bool first = state->sources.empty();
    if (first) {
      state->ids = source.ids;
      state->tokenizer_path = source.tokenizer_path;
      state->tokenizer_hash = source.tokenizer_hash;
    } else if (source.ids != state->ids || source.tokenizer_hash != state->tokenizer_hash) {
      throw InputError("{} and {} were encoded with different tokenizers; encode both with one",
                       options.sources.front().path, path.path);
    }
    state->before.push_back(state->size);
    state->size += source.samples->size();
    sampled.push_back({.elements = source.samples->size(), .weight = path.weight});
    state->sources.push_back(std::move(source.samples));
  }
  state->seed = options.seed;
  state->sampler.emplace(std::move(sampled), options.seed);
  return Dataset(std::move(state));
}

Sample Dataset::row(uint64_t global_row) const {
  const Position at = (*state_->sampler)(global_row);
  const CounterRandom random(state_->seed, "mask", at.source, at.epoch, at.element);
  Sample sample = state_->sources[at.source]->sample(at.element, random);
  sample.id = global_row;
  return sample;
}

uint64_t Dataset::size() const { return state_->size; }

std::vector<int64_t> Dataset::sizes() const {
  std::vector<int64_t> sizes;
  for (const auto& source : state_->sources) sizes.push_back(static_cast<int64_t>(source->size()));
  return sizes;
}

Sample Dataset::fixed(uint64_t index) const {
  TANDEM_CHECK(index < size(), "sample {} of {}", index, size());
  size_t source = state_->sources.size() - 1;
  while (state_->before[source] > index) --source;
  const uint64_t element = index - state_->before[source];
  Sample sample =
      state_->sources[source]->sample(element, CounterRandom(state_->seed, "fixed mask", source, element));
  sample.id = index;
  return sample;
}

const SpecialIds& Dataset::ids() const { return state_->ids; }
const std::optional<std::string>& Dataset::tokenizer_path() const { return state_->tokenizer_path; }
const std::string& Dataset::tokenizer_hash() const { return state_->tokenizer_hash; }

}  // namespace tandem::data
