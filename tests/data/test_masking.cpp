// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scratch_folder.h"
#include "tandem/base/error.h"
#include "tandem/data/masking.h"

namespace tandem::data {
namespace {

using testing::HasSubstr;

constexpr MaskingOptions kSpan{};
constexpr MaskingOptions kMlm{.kind = MaskKind::kMlm};
constexpr MaskingOptions kExact{.placement = MaskPlacement::kT5Exact};

SpecialIds ids_with_sentinels(int32_t count) {
  return {.vocabulary = 10000, .first_sentinel = 9999, .sentinel_count = count};
}

struct Row {
  int64_t source, raw, target, spans;
};

void expect_rows(const MaskingOptions& options, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const Masker masker(options, ids_with_sentinels(400), {.source = row.source, .target = 2048});
    EXPECT_EQ(masker.raw_length(), row.raw);
    const MaskCounts counts = mask_counts(options, row.raw);
    EXPECT_EQ(counts.target, row.target);
    EXPECT_EQ(counts.spans, row.spans);
    EXPECT_EQ(counts.source, row.source);
  }
}

TEST(Masking, RawLengthFillsTheSource) {
  expect_rows(kMlm, {{512, 511, 155, 77}, {1024, 1023, 307, 153}, {2048, 2047, 615, 307}});
  expect_rows(kSpan, {{512, 568, 114, 28}, {1024, 1137, 229, 57}, {2048, 2274, 456, 114}});
}

TEST(Masking, CountsFollowT5ForEveryLength) {
  // Halves go to the even number: 0.15 x 10 = 1.5 -> 2, 0.15 x 30 = 4.5 -> 4.
  EXPECT_EQ(mask_counts(kSpan, 10).noise, 2);
  EXPECT_EQ(mask_counts(kSpan, 30).noise, 4);
  MaskCounts before{};
  for (int64_t raw = 2; raw < 3000; ++raw) {
    const MaskCounts counts = mask_counts(kSpan, raw);
    EXPECT_GE(counts.noise, 1);
    EXPECT_GE(raw - counts.noise, counts.spans);
    EXPECT_GE(counts.source, before.source);
    EXPECT_GE(counts.target, before.target);
    before = counts;
  }
}

std::vector<bool> mask_of(const std::vector<MaskedSpan>& spans, int64_t raw) {
  std::vector<bool> mask(static_cast<size_t>(raw), false);
  for (const MaskedSpan& span : spans)
    for (int64_t i = 0; i < span.length; ++i) mask.at(static_cast<size_t>(span.begin + i)) = true;
  return mask;
}

void expect_valid_spans(const MaskingOptions& options, int64_t raw, uint64_t seed) {
  const auto spans = draw_spans(options, raw, CounterRandom(seed, raw));
  const MaskCounts counts = mask_counts(options, raw);
  ASSERT_EQ(static_cast<int64_t>(spans.size()), counts.spans);
  int64_t masked = 0, end = -1;
  for (const MaskedSpan& span : spans) {
    ASSERT_GE(span.length, 1);
    ASSERT_GT(span.begin, end) << "spans touch or are out of order";
    end = span.begin + span.length;
    masked += span.length;
  }
  ASSERT_LE(end, raw);
  ASSERT_EQ(masked, counts.noise);
}

TEST(Masking, SpansNeverTouchAndMaskTheExactCount) {
  for (const int64_t raw : {2, 3, 4, 7, 20, 100, 511, 568})
    for (uint64_t seed = 0; seed < 200; ++seed)
      for (const auto& options : {kSpan, kMlm, kExact}) expect_valid_spans(options, raw, seed);
  constexpr MaskingOptions kHalf{.kind = MaskKind::kMlm, .mask_fraction = 0.5};
  constexpr MaskingOptions kDense{.mask_fraction = 0.8, .mean_span_length = 1};
  for (const int64_t raw : {2, 3, 5, 9, 50})
    for (const auto& options : {kHalf, kDense}) expect_valid_spans(options, raw, 1);
}

TEST(Masking, MlmMasksSingleTokens) {
  for (uint64_t seed = 0; seed < 100; ++seed)
    for (const MaskedSpan& span : draw_spans(kMlm, 511, CounterRandom(seed))) EXPECT_EQ(span.length, 1);
}

TEST(Masking, ExactFormKeepsTheFirstTokenAndTakesTheLast) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const auto mask = mask_of(draw_spans(kExact, 568, CounterRandom(seed)), 568);
    EXPECT_FALSE(mask.front());
    EXPECT_TRUE(mask.back());
  }
}

// Returns how often each of 40 places is masked in 20,000 draws; 6 of 40 are: 3,000 a place on average.
std::vector<int> hits_of(const MaskingOptions& options) {
  std::vector<int> hits(40, 0);
  for (int draw = 0; draw < 20000; ++draw) {
    const auto mask = mask_of(draw_spans(options, 40, CounterRandom(5, draw)), 40);
    for (size_t i = 0; i < 40; ++i) hits[i] += mask[i];
  }
  return hits;
}

TEST(Masking, RollingMasksEveryPlaceOfMlmEquallyOften) {
  for (const int hits : hits_of(kMlm)) EXPECT_NEAR(hits, 3000, 250);  // five standard deviations
}

TEST(Masking, RollingMasksEveryPlaceOfSpanExceptNearTheEnds) {
  const std::vector<int> hits = hits_of(kSpan);
  for (size_t i = 6; i < 34; ++i) EXPECT_NEAR(hits[i], 3000, 400) << i;
  // An end is masked only where a span starts or stops there: 2 of the 36 offsets that cut no span.
  EXPECT_NEAR(hits.front(), 20000 * 2 / 36, 170);
  EXPECT_NEAR(hits.back(), 20000 * 2 / 36, 170);
}

TEST(Masking, CutsAreUniform) {
  // 3 masked of 20 in 1 span at mean 3; at mean 1.5 in 2 spans: lengths 1+2 and 2+1 equally often.
  constexpr MaskingOptions kTwo{.mean_span_length = 1.5, .placement = MaskPlacement::kT5Exact};
  int short_first = 0;
  for (int draw = 0; draw < 4000; ++draw) {
    const auto spans = draw_spans(kTwo, 20, CounterRandom(9, draw));
    ASSERT_EQ(spans.size(), 2u);
    short_first += spans[0].length == 1;
  }
  EXPECT_NEAR(short_first, 2000, 130);
}

std::vector<int32_t> counted(int32_t count) {
  std::vector<int32_t> raw(static_cast<size_t>(count));
  std::iota(raw.begin(), raw.end(), 10);
  return raw;
}

// Puts the spans of the target back behind their sentinels.
std::vector<int32_t> filled_in(const Sample& sample, const SpecialIds& ids) {
  std::vector<int32_t> raw;
  for (const int32_t id : sample.source) {
    if (!ids.is_sentinel(id)) {
      raw.push_back(id);
      continue;
    }
    auto it = std::find(sample.target.begin(), sample.target.end(), id) + 1;
    while (!ids.is_sentinel(*it) && *it != ids.eos) raw.push_back(*it++);
  }
  raw.pop_back();  // eos
  return raw;
}

TEST(Masking, SourceAndTargetTogetherAreTheText) {
  const SpecialIds ids = ids_with_sentinels(100);
  const Masker masker(kSpan, ids, {.source = 128, .target = 64});
  for (int32_t length = 2; length <= masker.raw_length(); ++length) {
    const auto raw = counted(length);
    const Sample sample = masker.mask(raw, CounterRandom(3, length));
    const MaskCounts counts = mask_counts(kSpan, length);
    EXPECT_EQ(static_cast<int64_t>(sample.source.size()), counts.source);
    EXPECT_EQ(static_cast<int64_t>(sample.target.size()), counts.target);
    EXPECT_EQ(sample.source.back(), ids.eos);
    EXPECT_EQ(sample.target.back(), ids.eos);
    EXPECT_EQ(sample.target.front(), 9999);
    EXPECT_EQ(filled_in(sample, ids), raw);
  }
}

TEST(Masking, SentinelsDescendInOrderOfThePlaces) {
  const SpecialIds ids = ids_with_sentinels(100);
  const Masker masker(kSpan, ids, {.source = 512, .target = 114});
  const Sample sample = masker.mask(counted(568), CounterRandom(4));
  for (const auto& side : {sample.source, sample.target}) {
    int32_t next = ids.first_sentinel;
    for (const int32_t id : side) {
      if (ids.is_sentinel(id)) {
        EXPECT_EQ(id, next);
        --next;
      }
    }
    EXPECT_EQ(ids.first_sentinel - next, 28);
  }
}

// Held down so that a change of the drawing, which would change every run, is seen.
TEST(Masking, DrawsAreFrozen) {
  const std::vector<MaskedSpan> spans = draw_spans(kSpan, 40, CounterRandom(1, "mask", 0, 0, 0));
  EXPECT_EQ(spans, (std::vector<MaskedSpan>{{.begin = 5, .length = 4}, {.begin = 15, .length = 2}}));
}

TEST(Masking, WhatCannotBeMetIsRefused) {
  const auto refused = [](const MaskingOptions& options, int32_t sentinels, SampleLengths lengths) {
    return message_of<InputError>([&] { Masker(options, ids_with_sentinels(sentinels), lengths); });
  };
  EXPECT_THAT(refused(kSpan, 400, {.source = 512, .target = 113}), HasSubstr("up to 114 target tokens"));
  EXPECT_THAT(refused(kMlm, 76, {.source = 512, .target = 155}), HasSubstr("--sentinels 77"));
  EXPECT_THAT(refused({.mask_fraction = 0}, 400, {.source = 512, .target = 512}),
              HasSubstr("between 0 and 1"));
  EXPECT_THAT(refused({.mask_fraction = 1}, 400, {.source = 512, .target = 512}),
              HasSubstr("between 0 and 1"));
  EXPECT_THAT(refused({.kind = MaskKind::kMlm, .mask_fraction = 0.6}, 400, {.source = 512, .target = 512}),
              HasSubstr("at most 0.5"));
  EXPECT_THAT(refused({.mean_span_length = 0.5}, 400, {.source = 512, .target = 512}),
              HasSubstr("at least 1"));
  EXPECT_THAT(refused(kSpan, 400, {.source = 2, .target = 512}), HasSubstr("needs at least 3"));
  EXPECT_NO_THROW(Masker(kSpan, ids_with_sentinels(28), {.source = 512, .target = 114}));
}

}  // namespace
}  // namespace tandem::data
