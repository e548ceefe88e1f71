// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/masking.h"

#include <algorithm>
#include <cmath>

#include "tandem/base/error.h"

namespace tandem::data {
namespace {

double mean_length(const MaskingOptions& options) {
  return options.kind == MaskKind::kMlm ? 1.0 : options.mean_span_length;
}

// Rounds halves to even, as TensorFlow and Python do: T5's own lengths come out.
int64_t round_even(double value) { return static_cast<int64_t>(std::nearbyint(value)); }

struct Cut {
  int64_t items;
  int64_t parts;
};

// Cuts `items` into `parts` non-empty parts, every way equally likely: the starts of all parts but the first
// are a random subset of the later items (selection sampling, Knuth volume 2, algorithm 3.4.2 S).
std::vector<int64_t> cut_at_random(Cut cut, CounterRandom random) {
  std::vector<int64_t> lengths;
  lengths.reserve(static_cast<size_t>(cut.parts));
  int64_t begin = 0;
  int64_t wanted = cut.parts - 1;
  for (int64_t item = 1; item < cut.items && wanted > 0; ++item) {
    if (random.below(static_cast<uint64_t>(item), static_cast<uint64_t>(cut.items - item)) <
        static_cast<uint64_t>(wanted)) {
      lengths.push_back(item - begin);
      begin = item;
      --wanted;
    }
  }
  lengths.push_back(cut.items - begin);
  return lengths;
}

// Rotates so that the sequence starts at a random place that is not inside a span.
void roll(std::vector<MaskedSpan>& spans, int64_t raw_length, CounterRandom random) {
  int64_t inside = 0;
  for (const MaskedSpan& span : spans) inside += span.length - 1;
  auto start = static_cast<int64_t>(random.below(0, static_cast<uint64_t>(raw_length - inside)));
  for (const MaskedSpan& span : spans)
    if (start > span.begin) start += span.length - 1;
  for (MaskedSpan& span : spans) span.begin = (span.begin - start + raw_length) % raw_length;
  std::sort(spans.begin(), spans.end(),
            [](const MaskedSpan& a, const MaskedSpan& b) { return a.begin < b.begin; });
}

void check(const MaskingOptions& options) {
  if (!(options.mask_fraction > 0 && options.mask_fraction < 1))
    throw InputError("objective.mask_fraction is {}; it must lie between 0 and 1", options.mask_fraction);
  if (options.kind == MaskKind::kMlm && options.mask_fraction > 0.5)
    throw InputError("objective.mask_fraction is {}; with kind mlm masked tokens never touch, so at most 0.5",
                     options.mask_fraction);
  if (!(mean_length(options) >= 1))
    throw InputError("objective.mean_span_length is {}; it must be at least 1", options.mean_span_length);
}

int64_t fitting_raw_length(const MaskingOptions& options, int64_t source_length) {
  if (mask_counts(options, 2).source > source_length)
    throw InputError("data.source_length is {}; masking needs at least {}", source_length,
                     mask_counts(options, 2).source);
  int64_t raw = std::max<int64_t>(2, source_length - 1);
  while (raw > 2 && mask_counts(options, raw).source > source_length) --raw;
  while (mask_counts(options, raw + 1).source <= source_length) ++raw;
  return raw;
}

}  // namespace

MaskCounts mask_counts(const MaskingOptions& options, int64_t raw_length) {
  TANDEM_CHECK(raw_length >= 2, "raw length {}", raw_length);
  int64_t noise = round_even(static_cast<double>(raw_length) * options.mask_fraction);
  noise = std::clamp<int64_t>(noise, 1, options.kind == MaskKind::kMlm ? raw_length / 2 : raw_length - 1);
  int64_t spans = std::max<int64_t>(1, round_even(static_cast<double>(noise) / mean_length(options)));
  spans = std::min({spans, noise, raw_length - noise});
  return {
      .noise = noise, .spans = spans, .source = raw_length - noise + spans + 1, .target = noise + spans + 1};
}

std::vector<MaskedSpan> draw_spans(const MaskingOptions& options, int64_t raw_length, CounterRandom random) {
  const MaskCounts counts = mask_counts(options, raw_length);
  const auto masked = cut_at_random({.items = counts.noise, .parts = counts.spans}, random.split("masked"));
  const auto kept =
      cut_at_random({.items = raw_length - counts.noise, .parts = counts.spans}, random.split("kept"));
  std::vector<MaskedSpan> spans;
  spans.reserve(masked.size());
  int64_t position = 0;
  for (size_t i = 0; i < masked.size(); ++i) {
    spans.push_back({.begin = position + kept[i], .length = masked[i]});
    position += kept[i] + masked[i];
  }
  if (options.placement == MaskPlacement::kRolled) roll(spans, raw_length, random.split("roll"));
  return spans;
}

Masker::Masker(const MaskingOptions& options, const SpecialIds& ids, SampleLengths lengths)
    : options_(options), ids_(ids) {
  check(options);
  raw_length_ = fitting_raw_length(options, lengths.source);
  const MaskCounts full = mask_counts(options, raw_length_);
  if (full.target > lengths.target)
    throw InputError(
        "data.target_length is {}; rows of data.source_length {} mask up to {} target tokens, set at least "
        "that",
        lengths.target, lengths.source, full.target);
  if (full.spans > ids.sentinel_count)
    throw InputError(
        "the vocabulary has {} sentinels and rows of data.source_length {} have up to {} masked spans; train "
        "the "
        "tokenizer with --sentinels {} or more, or shorten the source",
        ids.sentinel_count, lengths.source, full.spans, full.spans);
}

Sample Masker::mask(std::span<const int32_t> raw, CounterRandom random) const {
  const auto size = static_cast<int64_t>(raw.size());
  TANDEM_CHECK(size >= 2 && size <= raw_length_, "{} raw tokens, room for {}", size, raw_length_);
  const std::vector<MaskedSpan> spans = draw_spans(options_, size, random);
  Sample sample;
  int64_t position = 0;
  for (size_t k = 0; k < spans.size(); ++k) {
    const int32_t sentinel = ids_.sentinel(static_cast<int64_t>(k));
    const auto begin = raw.begin() + spans[k].begin;
    sample.source.insert(sample.source.end(), raw.begin() + position, begin);
    sample.source.push_back(sentinel);
    sample.target.push_back(sentinel);
    sample.target.insert(sample.target.end(), begin, begin + spans[k].length);
    position = spans[k].begin + spans[k].length;
  }
  sample.source.insert(sample.source.end(), raw.begin() + position, raw.end());
  sample.source.push_back(ids_.eos);
  sample.target.push_back(ids_.eos);
  return sample;
}

}  // namespace tandem::data
