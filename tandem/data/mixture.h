// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace tandem::data {

/// Says where a global sample number falls in a mixture.
struct MixtureDraw {
  uint32_t source = 0;
  uint64_t index = 0;  ///< how many samples of this source came before
};

/// The order in which sources are mixed: at every sample the source with the largest deficit (ideal count
/// minus realised count; the first of equals), so that no source is ever more than one sample ahead of its
/// weight. The order repeats after a period, which is tabled once: a lookup is O(1) at any sample number.
/// Immutable; thread-safe. Source: Megatron-LM's `build_blending_indices`.
class Mixture {
 public:
  /// The longest period. Weights that are not small fractions are rounded to multiples of 1 / kMaxPeriod.
  static constexpr uint64_t kMaxPeriod = 1 << 16;

  /// Takes one weight a source; only their ratios count. Throws InputError unless all are finite and positive
  /// and none is below 1 / kMaxPeriod of their sum.
  explicit Mixture(const std::vector<double>& weights);

  /// Returns the source of a global sample number.
  MixtureDraw operator()(uint64_t sample) const;

  /// Returns how many of the samples before a global sample number each source has. Takes O(period).
  std::vector<uint64_t> counts_before(uint64_t sample) const;

  uint64_t period() const { return sources_.size(); }
  /// Returns the share of a source in a period, of the weights as given up to rounding.
  double share(uint32_t source) const;

 private:
  std::vector<uint64_t> counts_;  // samples of each source in a period
  std::vector<uint32_t> sources_;
  std::vector<uint32_t> indices_;
};

}  // namespace tandem::data
