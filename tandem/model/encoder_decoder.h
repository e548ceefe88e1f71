// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "tandem/comm/group.h"
#include "tandem/model/attention.h"
#include "tandem/model/feed_forward.h"
#include "tandem/model/relative_bias.h"
#include "tandem/model/tree_batch.h"
#include "tandem/model/vocabulary.h"
#include "tandem/schedule/stages.h"

// Shapes: B rows, S source positions, T target positions, D hidden, V vocabulary.

namespace tandem::model {

/// A micro-batch, padded to its longest row. Each row has at least one source position.
struct Batch {
  at::Tensor source_BS;       ///< int64 ids
  at::Tensor source_lengths;  ///< [B] int64, CPU
  at::Tensor
      decoder_BT;  ///< int64 ids that the decoder reads: the start token, then the target without its last
  at::Tensor labels_BT;  ///< int64 ids to predict; kNoLabel where there is none
  at::Tensor rows;       ///< [B] int64, CPU: number of each sample in the global batch

  static constexpr int64_t kNoLabel = -1;
};

/// The tensors that cross a stage's borders; undefined where a border does not declare them.
struct StageTensors {
  at::Tensor hidden;
  at::Tensor memory;
};

/// What a generation keeps of one decoder layer.
struct LayerCache {
  KeyValueCache self;
  KeyValueCache cross;
};

/// What a generation keeps between steps. Rows can be reordered (index_select on every cache) and dropped.
struct DecoderState {
  std::vector<LayerCache> layers;
  at::Tensor memory_lengths;  ///< [B] int64, CPU
  int64_t length = 0;         ///< positions decoded so far
};

/// The layers of one stage of a pre-norm encoder-decoder Transformer in T5's form (Raffel et al., JMLR 21,
/// section 2.1; gated GELU of T5 v1.1): what is computed, and nothing of how ranks share it but the tensor
/// group inside each layer.
class EncoderDecoder {
 public:
  /// Takes the stage's parameters, made from tensor_table(); parameters and group must outlive this.
  EncoderDecoder(const ModelConfig& config, const schedule::StageLayers& layers, Parameters& parameters,
                 const comm::Group& tensor);

  /// Runs this stage's part of a forward: the first stage takes nothing in, the others what the border before
  /// them declares, hidden [B, S or T, D] and memory [B, S, D] (memory in any type: its gradient comes back
  /// in that type). Returns what the border after it declares; the last stage the normed hidden [B, T, D].
  /// All ranks of the tensor group call with the same arguments, here and in backward: an all-reduce for each
  /// embedding looked up (forward) and for each attention and feed-forward, both ways.
  StageTensors forward(const Batch& batch, const StageTensors& incoming, const DropoutSource& dropout) const;

  /// Returns scale * sum of the losses of all labels, a scalar in the accumulation type (0 where there is no
  /// label); on the last stage, given forward's `hidden`. All ranks of the tensor group call, here and in
  /// backward: three numbers a label are all-reduced forward, D of them backward. All get the same value.
  at::Tensor loss(const Batch& batch, const at::Tensor& hidden_BTD, double scale) const;

  /// Runs the encoder alone, without dropout: ids [B, S] int64 and their lengths [B] int64, CPU -> memory
  /// [B, S, D], compute type. For a stage that holds all layers, as are the next ones; all ranks of the
  /// tensor group call, with `forward`'s all-reduces.
  at::Tensor encode(const at::Tensor& source_BS, const at::Tensor& source_lengths) const;
  /// Projects the memory for every decoder layer, as its rank's heads need it, and makes room for `capacity`
  /// positions. No communication.
  DecoderState start_decoding(const at::Tensor& memory_BSD, const at::Tensor& source_lengths,
                              int64_t capacity) const;
  /// Decodes further positions [B, T] int64 and extends the state, which must have room for them -> normed
  /// hidden [B, T, D].
  at::Tensor decode(const at::Tensor& ids_BT, DecoderState& state) const;
  /// Decodes all N nodes of each row's tree in one pass -> normed hidden [B, N, D]: of each node what
  /// `decode` gives after its ancestors. It sees only them and itself, and stands at its depth. Holds a bias
  /// of H N N elements, for each row one unless all read the same tree. For inference: without gradients.
  at::Tensor decode_trees(const TreeBatch& trees, const at::Tensor& memory_BSD,
                          const at::Tensor& source_lengths) const;
  /// Returns the logits of what follows decoded positions, [..., D] -> [..., V] in the accumulation type. For
  /// a tensor group of one (`vocabulary_logits`).
  at::Tensor logits(const at::Tensor& hidden) const;

 private:
  struct EncoderLayer {
    SelfAttention attention;
    FeedForward feed_forward;
  };
  struct DecoderLayer {
    SelfAttention self_attention;
    CrossAttention cross_attention;
    FeedForward feed_forward;
  };

  LayerContext encoder_context(const at::Tensor& source_lengths, int64_t num_positions,
                               const DropoutSource& dropout) const;
  LayerContext decoder_context(const at::Tensor& memory_lengths, BiasExtent extent,
                               const DropoutSource& dropout) const;
  LayerContext tree_context(const at::Tensor& memory_lengths, const TreeBatch& trees) const;
  at::Tensor run_encoder(const Batch& batch, at::Tensor hidden, const DropoutSource& dropout) const;
  StageTensors run_decoder(const Batch& batch, at::Tensor hidden, const at::Tensor& memory,
                           const DropoutSource& dropout) const;
  at::Tensor extend(DecoderState& state, const at::Tensor& ids_BT, const LayerContext& context) const;
  at::Tensor head_input(const at::Tensor& hidden) const;

  const ModelConfig config_;
  const schedule::StageLayers layers_;
  const comm::Group& tensor_;
  std::vector<EncoderLayer> encoder_;
  std::vector<DecoderLayer> decoder_;
  // Null where this stage does not hold them.
  Parameter* embedding_ = nullptr;
  Parameter* encoder_bias_ = nullptr;
  Parameter* encoder_norm_ = nullptr;
  Parameter* decoder_bias_ = nullptr;
  Parameter* decoder_norm_ = nullptr;
  Parameter* head_ = nullptr;
};

}  // namespace tandem::model
