// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/tensor_table.h"

#include <cmath>
#include <set>
#include <string>

#include <fmt/format.h>

namespace tandem::model {

namespace {

using layout::Shape;
using layout::TensorSpec;
using schedule::StageLayers;

constexpr int kReplicated = TensorSpec::kReplicated;

class Table {
 public:
  Table(const ModelConfig& config, const std::vector<StageLayers>& stages)
      : config_(config), stages_(stages) {}

  std::vector<TensorSpec> build() {
    const int last_decoder = stage_of(
        [&](const StageLayers& s) { return s.has_decoder() && s.decoder_end == config_.decoder_layers; });
    add({.name = "embedding",
         .shape = {config_.vocabulary, config_.hidden},
         .tensor_dim = 0,
         .stages = embedding_stages(last_decoder),
         .initial_deviation = {1}});

    bias("encoder.relative_bias", [](const StageLayers& s) { return s.has_encoder(); });
    for (int layer = 0; layer < config_.encoder_layers; ++layer) {
      const int stage =
          stage_of([&](const StageLayers& s) { return s.encoder_begin <= layer && layer < s.encoder_end; });
      const std::string prefix = fmt::format("encoder.layer.{}", layer);
      self_attention(prefix + ".attention", stage);
      feed_forward(prefix + ".feed_forward", stage);
    }
    norm("encoder.norm",
         stage_of([&](const StageLayers& s) { return s.encoder_end == config_.encoder_layers; }));

    bias("decoder.relative_bias", [](const StageLayers& s) { return s.has_decoder(); });
    for (int layer = 0; layer < config_.decoder_layers; ++layer) {
      const int stage =
          stage_of([&](const StageLayers& s) { return s.decoder_begin <= layer && layer < s.decoder_end; });
      const std::string prefix = fmt::format("decoder.layer.{}", layer);
      self_attention(prefix + ".self_attention", stage);
      cross_attention(prefix + ".cross_attention", stage);
      feed_forward(prefix + ".feed_forward", stage);
    }
    norm("decoder.norm", last_decoder);
    if (!config_.tied_head)
      add({.name = "head",
           .shape = {config_.vocabulary, config_.hidden},
           .tensor_dim = 0,
           .stages = {last_decoder},
           .initial_deviation = {fan_in(config_.hidden)}});
    return std::move(table_);
  }

 private:
  static double fan_in(int64_t width) { return 1 / std::sqrt(static_cast<double>(width)); }
  int64_t inner() const { return config_.heads * config_.head_dim; }
  // T5 does not divide attention scores by sqrt(head_dim): its initial queries are smaller instead.
  double query() const { return fan_in(config_.hidden * (relative() ? config_.head_dim : 1)); }
  bool relative() const { return config_.positions == Positions::kRelativeBias; }

  template <typename Holds>
  int stage_of(const Holds& holds) const {
    int stage = 0;
    while (!holds(stages_[static_cast<size_t>(stage)])) ++stage;
    return stage;
  }

  // Where the decoder ends on the rank that embeds source ids, one copy there serves all uses: target ids are
  // embedded there too, and travel.
  std::vector<int> embedding_stages(int last_decoder) const {
    const int first_encoder = stage_of([](const StageLayers& s) { return s.encoder_begin == 0; });
    if (last_decoder == first_encoder) return {first_encoder};
    const int first_decoder =
        stage_of([](const StageLayers& s) { return s.has_decoder() && s.decoder_begin == 0; });
    std::set<int> stages{first_encoder, first_decoder};
    if (config_.tied_head) stages.insert(last_decoder);
    return {stages.begin(), stages.end()};
  }

  void add(TensorSpec spec) { table_.push_back(std::move(spec)); }
  void matrix(const std::string& name, Shape shape, int tensor_dim, int stage,
              std::vector<double> deviation) {
    add({.name = name,
         .shape = std::move(shape),
         .tensor_dim = tensor_dim,
         .stages = {stage},
         .initial_deviation = std::move(deviation)});
  }
  void norm(const std::string& name, int stage) {
    add({.name = name,
         .shape = {config_.hidden},
         .tensor_dim = kReplicated,
         .stages = {stage},
         .decays = false,
         .initial_mean = 1});
  }

  template <typename Holds>
  void bias(const std::string& name, const Holds& holds) {
    if (!relative()) return;
    TensorSpec spec{.name = name,
                    .shape = {config_.relative_buckets, config_.heads},
                    .tensor_dim = 1,
                    .stages = {},
                    .decays = false,
                    .initial_deviation = {fan_in(config_.hidden)}};
    for (size_t stage = 0; stage < stages_.size(); ++stage)
      if (holds(stages_[stage])) spec.stages.push_back(static_cast<int>(stage));
    add(std::move(spec));
  }

  void self_attention(const std::string& name, int stage) {
    norm(name + ".norm", stage);
    matrix(name + ".query_key_value", {3, inner(), config_.hidden}, 1, stage,
           {query(), fan_in(config_.hidden), fan_in(config_.hidden)});
    matrix(name + ".output", {config_.hidden, inner()}, 1, stage, {fan_in(inner())});
  }
  void cross_attention(const std::string& name, int stage) {
    norm(name + ".norm", stage);
    matrix(name + ".query", {inner(), config_.hidden}, 0, stage, {query()});
    matrix(name + ".key_value", {2, inner(), config_.hidden}, 1, stage, {fan_in(config_.hidden)});
    matrix(name + ".output", {config_.hidden, inner()}, 1, stage, {fan_in(inner())});
  }
  void feed_forward(const std::string& name, int stage) {
    norm(name + ".norm", stage);
    matrix(name + ".gate_up", {2, config_.feed_forward, config_.hidden}, 1, stage, {fan_in(config_.hidden)});
    matrix(name + ".down", {config_.hidden, config_.feed_forward}, 1, stage, {fan_in(config_.feed_forward)});
  }

  const ModelConfig& config_;
  const std::vector<StageLayers>& stages_;
  std::vector<TensorSpec> table_;
};

}  // namespace

StageLayers all_layers(const ModelConfig& config) {
  return {.encoder_end = static_cast<int>(config.encoder_layers),
          .decoder_end = static_cast<int>(config.decoder_layers)};
}

std::vector<layout::TensorSpec> tensor_table(const ModelConfig& config,
                                             const std::vector<StageLayers>& stages) {
  return Table(config, stages).build();
}

}  // namespace tandem::model
