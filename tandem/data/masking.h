// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tandem/base/random.h"
#include "tandem/data/sample.h"
#include "tandem/data/special_ids.h"

namespace tandem::data {

/// What is masked.
enum class MaskKind {
  kSpan,  ///< spans of random length around a mean
  kMlm,   ///< single tokens that never touch
};

/// Where masked spans may lie.
enum class MaskPlacement {
  kRolled,  ///< anywhere: the mask is rotated by a random offset that cuts no span
  /// As T5 without its random roll: the first token is never masked, the last one always. The reference form:
  /// tests compare with it, and `data prepare` is to offer it.
  kT5Exact,
};

/// How tokens are masked.
struct MaskingOptions {
  MaskKind kind = MaskKind::kSpan;
  double mask_fraction = 0.15;
  double mean_span_length = 3;  ///< tokens; kMlm takes 1 whatever stands here
  MaskPlacement placement = MaskPlacement::kRolled;
};

/// What masking makes of `raw` tokens, eos counted in source and target.
struct MaskCounts {
  int64_t noise = 0;
  int64_t spans = 0;
  int64_t source = 0;
  int64_t target = 0;
};

/// A run of masked tokens.
struct MaskedSpan {
  int64_t begin = 0;
  int64_t length = 0;

  friend bool operator==(const MaskedSpan&, const MaskedSpan&) = default;
};

/// Returns the counts for a raw length of at least 2; they depend on nothing else, and do not fall as it
/// grows.
MaskCounts mask_counts(const MaskingOptions& options, int64_t raw_length);

/// Draws the masked spans of `raw_length` >= 2 tokens, ascending, with at least one unmasked token between
/// two. A pure function of its arguments. Source: `random_spans_noise_mask` of T5 (Raffel et al. 2020,
/// section 3.1.4).
std::vector<MaskedSpan> draw_spans(const MaskingOptions& options, int64_t raw_length, CounterRandom random);

/// Turns raw tokens into a source with sentinels and the target that fills them. Immutable; thread-safe.
class Masker {
 public:
  /// Throws InputError if the options cannot be met, the target length does not hold what a full row masks,
  /// or the vocabulary has fewer sentinels than a full row has spans.
  Masker(const MaskingOptions& options, const SpecialIds& ids, SampleLengths lengths);

  /// Returns the largest number of raw tokens whose source fits the source length.
  int64_t raw_length() const { return raw_length_; }
  const SpecialIds& ids() const { return ids_; }

  /// Masks 2 to raw_length() tokens. Source: each span replaced by its sentinel, then eos. Target: sentinel,
  /// span, sentinel, span, ..., eos; no closing sentinel. The id of the sample is left 0.
  Sample mask(std::span<const int32_t> raw, CounterRandom random) const;

 private:
  MaskingOptions options_;
  SpecialIds ids_;
  int64_t raw_length_ = 0;
};

}  // namespace tandem::data
