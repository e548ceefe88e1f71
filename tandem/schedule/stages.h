// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace tandem::schedule {

/// A stack's layers cut into runs as evenly as they divide: the earlier ones take one more.
struct EvenCut {
  int layers = 0;
  int parts = 1;

  /// Returns the first layer of a part; of part `parts` the number of layers.
  int begin(int part) const { return part * (layers / parts) + std::min(part, layers % parts); }
  /// Returns the number of layers of a part.
  int size(int part) const { return begin(part + 1) - begin(part); }
};

/// Which layers one pipeline stage holds: encoder layers [encoder_begin, encoder_end) and decoder layers
/// [decoder_begin, decoder_end); either may be empty. A stage is what one
/// pipeline rank holds; of a one-stage pipeline it is all of both.
struct StageLayers {
  int encoder_begin = 0;
  int encoder_end = 0;
  int decoder_begin = 0;
  int decoder_end = 0;

  bool has_encoder() const { return encoder_begin < encoder_end; }
  bool has_decoder() const { return decoder_begin < decoder_end; }
  bool operator==(const StageLayers&) const = default;
};

/// What one encoder layer, one decoder layer (with its projections of the encoder's output) and the output
/// head cost, in any one unit. The head is run by the last stage.
struct LayerCosts {
  double encoder_layer = 1;
  double decoder_layer = 1;
  double head = 0;
};

/// What the split is made from.
struct StageRules {
  int encoder_layers = 1;
  int decoder_layers = 1;
  int num_stages = 1;
  std::optional<int> encoder_stages;  ///< unset: the split whose slowest stage costs least
  LayerCosts costs;                   ///< only used where encoder_stages is unset
};

/// Cuts the model into stages, encoder stages first, each half as evenly as its layers allow (earlier stages
/// take one more where they do not divide). Needs a layer for each stage, and with two stages or more one of
/// each half (BugError; the configuration checks it first).
std::vector<StageLayers> make_stages(const StageRules& rules);

/// A tensor that crosses a stage border.
struct BundleTensor {
  enum class Name { kHidden, kMemory };
  /// Number of rows a sample: source or target positions.
  enum class Rows { kSource, kTarget };

  /// Type of the gradient that comes back. A tensor with several consumers is summed in the accumulation
  /// type, on the wire too; values always travel in the compute type.
  enum class Gradient { kCompute, kAccumulation };

  Name name = Name::kHidden;
  Rows rows = Rows::kSource;
  Gradient gradient = Gradient::kCompute;
  bool operator==(const BundleTensor&) const = default;
};

std::string to_string(BundleTensor::Name name);

/// Declares what crosses the border after `stage`, in order: `hidden`, the residual stream of the stack the
/// border cuts; `memory`, the encoder's normed output, which every later decoder stage needs and hands on.
/// The gradients come back as the same bundle. Empty after the last stage.
std::vector<BundleTensor> bundle_after(const std::vector<StageLayers>& stages, int stage);

}  // namespace tandem::schedule
