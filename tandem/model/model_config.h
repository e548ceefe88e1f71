// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "tandem/base/field.h"

namespace tandem::model {

/// How a token's place enters attention.
enum class Positions {
  kRotary,        ///< Su et al., "RoFormer", arXiv 2104.09864, section 3.4.
  kRelativeBias,  ///< T5's learned bias a head and bucket of distances (Raffel et al., JMLR 21, section 2.1).
};
constexpr auto choices(Positions) {
  return std::array{Choice<Positions>{"rotary", Positions::kRotary},
                    Choice<Positions>{"relative_bias", Positions::kRelativeBias}};
}

/// The model, and nothing of how it is laid out over ranks.
struct ModelConfig {
  int64_t encoder_layers = 0;
  int64_t decoder_layers = 0;
  int64_t hidden = 0;
  int64_t heads = 0;
  int64_t head_dim = 0;
  int64_t feed_forward = 0;
  int64_t vocabulary = 0;
  Positions positions = Positions::kRotary;
  double dropout = 0;
  bool tied_head = true;
  int64_t relative_buckets = 32;
  int64_t relative_distance = 128;
  double rotary_base = 10000;
  double norm_epsilon = 1e-6;

  bool operator==(const ModelConfig&) const = default;

  template <class Visitor>
  void visit(Visitor&& v) {
    v("encoder_layers", encoder_layers,
      Field{.help = "layers of the encoder", .minimum = 1, .maximum = 4096, .required = true});
    v("decoder_layers", decoder_layers,
      Field{.help = "layers of the decoder", .minimum = 1, .maximum = 4096, .required = true});
    v("hidden", hidden,
      Field{.help = "width of the residual stream", .minimum = 1, .maximum = 1 << 20, .required = true});
    v("heads", heads, Field{.help = "attention heads", .minimum = 1, .maximum = 1 << 16, .required = true});
    v("head_dim", head_dim,
      Field{.help = "width of one head", .minimum = 1, .maximum = 4096, .required = true});
    v("feed_forward", feed_forward,
      Field{.help = "inner width of the feed-forward", .minimum = 1, .maximum = 1 << 22, .required = true});
    v("vocabulary", vocabulary,
      Field{.help = "ids of the tokenizer, sentinels included",
            .minimum = 2,
            .maximum = 1 << 24,
            .required = true});
    v("positions", positions, Field{.help = "rotary, or T5's learned bias by distance"});
    v("dropout", dropout,
      Field{.help = "share of activations dropped in training", .minimum = 0, .maximum = 0.999});
    v("tied_head", tied_head, Field{.help = "the output head is the embedding table"});
    v("relative_buckets", relative_buckets,
      Field{.help = "buckets of distances (relative_bias)", .minimum = 4, .maximum = 1 << 16});
    v("relative_distance", relative_distance,
      Field{.help = "distance from which all share a bucket (relative_bias)",
            .unit = "tokens",
            .minimum = 2,
            .maximum = 1 << 24});
    v("rotary_base", rotary_base,
      Field{.help = "base of the wavelengths (rotary)", .minimum = 1, .maximum = 1e12});
    v("norm_epsilon", norm_epsilon,
      Field{.help = "added to the mean square in RMSNorm", .minimum = 1e-12, .maximum = 0.1});
  }
};

}  // namespace tandem::model
