// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/encoder_decoder.h"

#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "tandem/model/accumulation.h"
#include "tandem/model/embedding.h"
#include "tandem/model/fan_out.h"
#include "tandem/model/norm.h"

namespace tandem::model {

EncoderDecoder::EncoderDecoder(const ModelConfig& config, const schedule::StageLayers& layers,
                               Parameters& parameters, const comm::Group& tensor)
    : config_(config), layers_(layers), tensor_(tensor) {
  for (int layer = layers.encoder_begin; layer < layers.encoder_end; ++layer) {
    const std::string name = fmt::format("encoder.layer.{}.", layer);
    encoder_.push_back({{parameters, name + "attention"}, {parameters, name + "feed_forward"}});
  }
  for (int layer = layers.decoder_begin; layer < layers.decoder_end; ++layer) {
    const std::string name = fmt::format("decoder.layer.{}.", layer);
    decoder_.push_back({{parameters, name + "self_attention"},
                        {parameters, name + "cross_attention"},
                        {parameters, name + "feed_forward"}});
  }
  const bool ends_encoder = layers.has_encoder() && layers.encoder_end == config.encoder_layers;
  const bool ends_decoder = layers.has_decoder() && layers.decoder_end == config.decoder_layers;
  const bool embeds = (layers.has_encoder() && layers.encoder_begin == 0) ||
                      (layers.has_decoder() && layers.decoder_begin == 0);
  const bool relative = config.positions == Positions::kRelativeBias;
  if (embeds) embedding_ = &parameters.at("embedding");
  if (relative && layers.has_encoder()) encoder_bias_ = &parameters.at("encoder.relative_bias");
  if (relative && layers.has_decoder()) decoder_bias_ = &parameters.at("decoder.relative_bias");
  if (ends_encoder) encoder_norm_ = &parameters.at("encoder.norm");
  if (ends_decoder) {
    decoder_norm_ = &parameters.at("decoder.norm");
    head_ = &parameters.at(config.tied_head ? "embedding" : "head");
  }
}

LayerContext EncoderDecoder::encoder_context(const at::Tensor& source_lengths, int64_t num_positions,
                                             const DropoutSource& dropout) const {
  LayerContext context{.config = &config_,
                       .tensor = &tensor_,
                       .dropout = dropout,
                       .self = {.key_lengths = source_lengths},
                       .positions = at::arange(num_positions)};
  if (encoder_bias_ != nullptr)
    context.bias = relative_bias(*encoder_bias_, Direction::kBoth,
                                 {.num_queries = num_positions, .num_keys = num_positions}, config_);
  return context;
}

LayerContext EncoderDecoder::decoder_context(const at::Tensor& memory_lengths, BiasExtent extent,
                                             const DropoutSource& dropout) const {
  // Padded target positions stand behind the real ones, where causality already hides them.
  LayerContext context{.config = &config_,
                       .tensor = &tensor_,
                       .dropout = dropout,
                       .self = {.causality = Causality::kCausal},
                       .cross = {.key_lengths = memory_lengths},
                       .positions = at::arange(extent.first_query, extent.first_query + extent.num_queries)};
  if (decoder_bias_ != nullptr)
    context.bias = relative_bias(*decoder_bias_, Direction::kBack, extent, config_);
  return context;
}

LayerContext EncoderDecoder::tree_context(const at::Tensor& memory_lengths, const TreeBatch& trees) const {
  // Parents stand before their children: the bias hides what causality would still let a node see.
  const int64_t levels = trees.num_levels;
  LayerContext context = decoder_context(memory_lengths, {.num_queries = levels, .num_keys = levels}, {});
  const at::Tensor chain_HLL =
      context.bias.defined()
          ? context.bias
          : at::zeros({config_.heads / tensor_.size(), levels, levels},
                      embedding_->value.options().dtype(accumulation_type(embedding_->value)));
  context.positions = trees.depths;
  context.bias = tree_bias(trees, chain_HLL);
  return context;
}

at::Tensor EncoderDecoder::run_encoder(const Batch& batch, at::Tensor hidden,
                                       const DropoutSource& dropout) const {
  if (layers_.encoder_begin == 0)
    hidden = model::dropout(embed(batch.source_BS, *embedding_, tensor_),
                            dropout.at("encoder.embedding", config_.hidden));
  const LayerContext context = encoder_context(batch.source_lengths, hidden.size(1), dropout);
  for (const EncoderLayer& layer : encoder_)
    hidden = layer.feed_forward(layer.attention(hidden, context), context);
  return encoder_norm_ != nullptr ? rms_norm(hidden, *encoder_norm_, config_.norm_epsilon) : hidden;
}

StageTensors EncoderDecoder::run_decoder(const Batch& batch, at::Tensor hidden, const at::Tensor& memory,
                                         const DropoutSource& dropout) const {
  if (layers_.decoder_begin == 0)
    hidden = model::dropout(embed(batch.decoder_BT, *embedding_, tensor_),
                            dropout.at("decoder.embedding", config_.hidden));
  const int64_t length = hidden.size(1);
  const LayerContext context =
      decoder_context(batch.source_lengths, {.num_queries = length, .num_keys = length}, dropout);
  const std::vector<at::Tensor> memories = fan_out(
      memory.to(accumulation_type(hidden)), static_cast<int64_t>(decoder_.size()), hidden.scalar_type());
  for (size_t i = 0; i < decoder_.size(); ++i) {
    const DecoderLayer& layer = decoder_[i];
    hidden = layer.cross_attention(layer.self_attention(hidden, context), memories[i], context);
    hidden = layer.feed_forward(hidden, context);
  }
  if (decoder_norm_ != nullptr)
    return {.hidden = rms_norm(hidden, *decoder_norm_, config_.norm_epsilon), .memory = {}};
  return {.hidden = hidden, .memory = memories.back()};
}

StageTensors EncoderDecoder::forward(const Batch& batch, const StageTensors& incoming,
                                     const DropoutSource& dropout) const {
  StageTensors now = incoming;
  if (layers_.has_encoder()) {
    now.hidden = run_encoder(batch, now.hidden, dropout);
    if (encoder_norm_ != nullptr) now = {.hidden = {}, .memory = now.hidden};
  }
  return layers_.has_decoder() ? run_decoder(batch, now.hidden, now.memory, dropout) : now;
}

at::Tensor EncoderDecoder::head_input(const at::Tensor& hidden) const {
  // A tied table has entries of deviation 1: T5 scales its output down (Mesh TensorFlow's
  // shared_embedding_and_softmax).
  return config_.tied_head ? hidden * (1 / std::sqrt(static_cast<double>(config_.hidden))) : hidden;
}

at::Tensor EncoderDecoder::loss(const Batch& batch, const at::Tensor& hidden_BTD, double scale) const {
  const at::Tensor labels = batch.labels_BT.flatten();
  const at::Tensor tokens = labels.ne(Batch::kNoLabel).nonzero().flatten();
  const at::Tensor hidden = head_input(hidden_BTD.flatten(0, 1).index_select(0, tokens));
  return summed_token_loss(hidden, *head_, labels.index_select(0, tokens), tensor_, scale);
}

at::Tensor EncoderDecoder::encode(const at::Tensor& source_BS, const at::Tensor& source_lengths) const {
  const Batch batch{.source_BS = source_BS,
                    .source_lengths = source_lengths,
                    .decoder_BT = {},
                    .labels_BT = {},
                    .rows = {}};
  return run_encoder(batch, {}, {});
}

DecoderState EncoderDecoder::start_decoding(const at::Tensor& memory_BSD, const at::Tensor& source_lengths,
                                            int64_t capacity) const {
  DecoderState state{.layers = {}, .memory_lengths = source_lengths};
  const LayerContext context{.config = &config_, .tensor = &tensor_};
  for (const DecoderLayer& layer : decoder_) {
    LayerCache cache{.self = {}, .cross = layer.cross_attention.project(memory_BSD, context)};
    const at::Tensor& key = cache.cross.key;
    cache.self.key = at::empty({key.size(0), capacity, key.size(2), key.size(3)}, key.options());
    cache.self.value = at::empty_like(cache.self.key);
    state.layers.push_back(std::move(cache));
  }
  return state;
}

at::Tensor EncoderDecoder::decode(const at::Tensor& ids_BT, DecoderState& state) const {
  const int64_t added = ids_BT.size(1);
  const BiasExtent extent{
      .num_queries = added, .num_keys = state.length + added, .first_query = state.length};
  return extend(state, ids_BT, decoder_context(state.memory_lengths, extent, {}));
}

at::Tensor EncoderDecoder::decode_trees(const TreeBatch& trees, const at::Tensor& memory_BSD,
                                        const at::Tensor& source_lengths) const {
  DecoderState state = start_decoding(memory_BSD, source_lengths, trees.ids_BN.size(1));
  return extend(state, trees.ids_BN.to(memory_BSD.device()), tree_context(source_lengths, trees));
}

at::Tensor EncoderDecoder::extend(DecoderState& state, const at::Tensor& ids_BT,
                                  const LayerContext& context) const {
  at::Tensor hidden = embed(ids_BT, *embedding_, tensor_);
  for (size_t i = 0; i < decoder_.size(); ++i) {
    LayerCache& cache = state.layers[i];
    hidden = decoder_[i].self_attention(hidden, context, &cache.self);
    hidden = decoder_[i].cross_attention(hidden, cache.cross, context);
    hidden = decoder_[i].feed_forward(hidden, context);
  }
  state.length += ids_BT.size(1);
  return rms_norm(hidden, *decoder_norm_, config_.norm_epsilon);
}

at::Tensor EncoderDecoder::logits(const at::Tensor& hidden) const {
  const at::Tensor logits = vocabulary_logits(head_input(hidden.flatten(0, -2)), *head_);
  std::vector<int64_t> sizes = hidden.sizes().vec();
  sizes.back() = logits.size(1);
  return logits.view(sizes);
}

}  // namespace tandem::model
