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
  Tokenization tokenization;
};

namespace {

using OpenSources = std::vector<std::unique_ptr<SampleSource>>;

// Opens all encoded data; returns how they were tokenised, nothing where there are none.
std::optional<Tokenization> open_all_encoded(const DatasetOptions& options, OpenSources& sources) {
  std::optional<Tokenization> common;
  std::string first;
  for (size_t i = 0; i < sources.size(); ++i) {
    const std::string& path = options.sources[i].path;
    if (holds_pairs(path, options.objective)) continue;
    EncodedSource source = open_encoded(path, options);
    sources[i] = std::move(source.samples);
    if (!common) {
      common = std::move(source.tokenization);
      first = path;
    } else if (!common->agrees_with(source.tokenization)) {
      throw InputError("{} and {} were encoded with different tokenizers; encode both with one", first, path);
    } else if (!common->tokenizer_path) {
      common->tokenizer_path = std::move(source.tokenization.tokenizer_path);
    }
  }
  return common;
}

// Pairs do not say what their ids mean: what is beside them does, else the configuration.
Tokenization open_all(const DatasetOptions& options, OpenSources& sources) {
  std::optional<Tokenization> common = open_all_encoded(options, sources);
  if (!common) common = options.beside;
  if (!common) common = configured_tokenization(options);
  for (size_t i = 0; i < sources.size(); ++i)
    if (!sources[i]) sources[i] = open_pairs(options.sources[i].path, *common, options);
  return *common;
}

}  // namespace

Dataset Dataset::open(const DatasetOptions& options) {
  if (options.sources.empty()) throw InputError("data.train names no data");
  auto state = std::make_shared<State>();
  state->sources.resize(options.sources.size());
  state->tokenization = open_all(options, state->sources);
  std::vector<SampledSource> sampled;
  for (size_t i = 0; i < state->sources.size(); ++i) {
    const uint64_t size = state->sources[i]->size();
    state->before.push_back(state->size);
    state->size += size;
    sampled.push_back({.elements = size, .weight = options.sources[i].weight});
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

std::vector<int64_t> Dataset::rows_before(uint64_t global_row) const {
  std::vector<int64_t> rows;
  for (const uint64_t count : state_->sampler->mixture().counts_before(global_row))
    rows.push_back(static_cast<int64_t>(count));
  return rows;
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

const Tokenization& Dataset::tokenization() const { return state_->tokenization; }

}  // namespace tandem::data
