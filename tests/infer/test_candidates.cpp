// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <set>

#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/infer/candidates.h"
#include "tandem/infer/score.h"
#include "tests/infer/tiny_model.h"

namespace tandem::testing {
namespace {

using infer::Filling;
using infer::Ids;

Ids joined(Ids a, const Ids& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class CandidatesTest : public ::testing::Test {
 protected:
  const model::ModelConfig config_ = tiny_config(model::Positions::kRelativeBias);
  const infer::LoadedModel loaded_{config_, tiny_parameters(config_, at::kDouble), kTinyIds};

  // Log-probability of `ids` after the decoder has read `prefix` (start token not counted).
  double log_probability(const Ids& source, const Ids& prefix, const Ids& ids) const {
    const auto scores = score(loaded_, {{.source = source, .target = joined(prefix, ids)}}).front();
    double sum = 0;
    for (size_t i = prefix.size(); i < scores.size(); ++i) sum += scores[i];
    return sum;
  }
  // Every filling of at most max_tokens tokens, best first.
  std::vector<Filling> all_fillings(const Ids& source, const Ids& prefix, const Ids& terminators,
                                    int64_t max_tokens) const {
    std::vector<Filling> found;
    const std::function<void(const Ids&)> visit = [&](const Ids& ids) {
      Filling best{.ids = ids, .terminator = -1, .log_probability = -1e300};
      for (const int32_t terminator : terminators) {
        const double value = log_probability(source, prefix, joined(ids, {terminator}));
        if (value > best.log_probability) best.terminator = terminator, best.log_probability = value;
      }
      found.push_back(best);
      if (std::ssize(ids) == max_tokens) return;
      for (int32_t id = 2; id < 7; ++id) visit(joined(ids, {id}));
    };
    visit({});
    std::ranges::sort(found, std::greater(), &Filling::log_probability);
    return found;
  }
  // The likeliest token at a time, by itself.
  Ids greedy_filling(const Ids& source, const Ids& prefix, const Ids& terminators, int64_t max_tokens) const {
    Ids ids;
    while (std::ssize(ids) < max_tokens) {
      const Ids allowed = joined({2, 3, 4, 5, 6}, terminators);
      const int32_t next = *std::ranges::max_element(
          allowed, {}, [&](int32_t id) { return log_probability(source, joined(prefix, ids), {id}); });
      if (std::ranges::count(terminators, next)) break;
      ids.push_back(next);
    }
    return ids;
  }
};

// Expects the best `count` of `expected`, or all where it has fewer.
void expect_best(const std::vector<Filling>& found, const std::vector<Filling>& expected, size_t count) {
  ASSERT_EQ(found.size(), std::min(count, expected.size()));
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].ids, expected[i].ids) << i;
    EXPECT_EQ(found[i].terminator, expected[i].terminator) << i;
    EXPECT_NEAR(found[i].log_probability, expected[i].log_probability, 1e-11) << i;
  }
}

TEST_F(CandidatesTest, AWideBeamFindsTheLikeliestOfAllSequences) {
  const Ids source{3, 4, 8, 6, 1};
  const auto gaps = fill_gaps(loaded_, source, {.count = 20, .max_tokens = 3, .beams = 125});
  ASSERT_EQ(gaps.size(), 1u);
  expect_best(gaps[0], all_fillings(source, {8}, {7, 1}, 3), 20);
}

TEST_F(CandidatesTest, FillingsAreAllThereAreWhereThereAreFew) {
  const auto gaps = fill_gaps(loaded_, {3, 8, 1}, {.count = 50, .max_tokens = 1});
  ASSERT_EQ(gaps[0].size(), 6u);  // the empty one and five tokens
  expect_best(gaps[0], all_fillings({3, 8, 1}, {8}, {7, 1}, 1), 50);
}

TEST_F(CandidatesTest, LaterGapsStandBehindGreedyFillings) {
  const Ids source{8, 4, 4, 7, 5, 1};
  const auto gaps = fill_gaps(loaded_, source, {.count = 7, .max_tokens = 2, .beams = 25});
  ASSERT_EQ(gaps.size(), 2u);
  expect_best(gaps[0], all_fillings(source, {8}, {7, 1}, 2), 7);
  const Ids first = greedy_filling(source, {8}, {7, 1}, 2);
  EXPECT_FALSE(first.empty());
  expect_best(gaps[1], all_fillings(source, joined(joined({8}, first), {7}), {1}, 2), 7);
}

TEST_F(CandidatesTest, ReportedProbabilitiesAreThoseOfScore) {
  const Ids source{5, 5, 8, 2, 1};
  const auto gaps = fill_gaps(loaded_, source, {.count = 12});
  ASSERT_EQ(gaps[0].size(), 12u);
  std::set<Ids> distinct;
  for (const Filling& filling : gaps[0]) {
    EXPECT_LE(filling.ids.size(), 8u);
    EXPECT_TRUE(distinct.insert(filling.ids).second);
    EXPECT_NEAR(filling.log_probability,
                log_probability(source, {8}, joined(filling.ids, {filling.terminator})), 1e-11);
  }
  EXPECT_TRUE(std::ranges::is_sorted(gaps[0], std::greater(), &Filling::log_probability));
}

TEST_F(CandidatesTest, OfEquallyLikelyFillingsTheBetterBeamsAndTheLowerIdsComeFirst) {
  model::Parameters flat = tiny_parameters(config_, at::kDouble);
  for (auto& [name, parameter] : flat) parameter.value.zero_();
  const infer::LoadedModel indifferent{config_, std::move(flat), kTinyIds};
  const auto gaps = fill_gaps(indifferent, {3, 8, 1}, {.count = 10, .max_tokens = 2, .beams = 3});
  std::vector<Ids> found;
  for (const Filling& filling : gaps[0]) found.push_back(filling.ids);
  EXPECT_EQ(found, (std::vector<Ids>{{}, {2}, {3}, {4}, {2, 2}, {2, 3}, {2, 4}}));
}

TEST_F(CandidatesTest, SourcesWithoutAGapOrWithOneTwiceAreRefused) {
  EXPECT_THROW(fill_gaps(loaded_, {3, 4, 1}, {}), InputError);
  EXPECT_THROW(fill_gaps(loaded_, {8, 4, 8, 1}, {}), InputError);
}

}  // namespace
}  // namespace tandem::testing
