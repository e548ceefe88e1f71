// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <tuple>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/infer/score.h"
#include "tandem/infer/score_candidates.h"
#include "tests/infer/tiny_model.h"

namespace tandem::testing {
namespace {

using infer::CandidatesRequest;
using infer::Ids;
using infer::LoadedModel;
using model::Positions;
using Scores = std::vector<std::vector<double>>;

// Different ones of lengths from 1 to 6, many of which begin alike, and some of which begin others.
std::vector<Ids> invented_candidates(size_t count) {
  std::set<Ids> different;
  for (uint64_t i = 0; different.size() < count; ++i)
    different.insert(invented_ids(100 + i, 1 + static_cast<int64_t>(i % 6)));
  return {different.rbegin(), different.rend()};
}

void expect_near(const Scores& actual, const Scores& expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(actual[i].size(), expected[i].size()) << "candidate " << i;
    for (size_t t = 0; t < expected[i].size(); ++t)
      EXPECT_NEAR(actual[i][t], expected[i][t], tolerance) << "candidate " << i << ", id " << t;
  }
}

// Sources of all lengths, lists of one, seven and 67 candidates, of which some are asked for twice.
std::vector<CandidatesRequest> invented_requests() {
  const std::vector<Ids> terminated{{3, 1}, {3, 4, 1}, {3, 4, 4, 1},      {6, 1},
                                    {1},    {6, 6, 1}, {2, 5, 3, 6, 2, 1}};
  const std::vector<Ids> many = invented_candidates(67);
  return {{.source = invented_ids(1, 12), .candidates = terminated},
          {.source = invented_ids(2, 2), .candidates = many},
          {.source = invented_ids(3, 1), .candidates = terminated},
          {.source = invented_ids(4, 30), .candidates = many},
          {.source = invented_ids(5, 9), .candidates = {{5}}},
          {.source = invented_ids(6, 9), .candidates = {{4, 2, 2, 3, 1}}},
          {.source = invented_ids(7, 9), .candidates = terminated},
          {.source = invented_ids(1, 12), .candidates = many}};
}

class ScoreCandidates : public ::testing::TestWithParam<std::tuple<Positions, bool>> {
 protected:
  static LoadedModel load(at::ScalarType type) {
    model::ModelConfig config = tiny_config(std::get<0>(GetParam()));
    config.tied_head = std::get<1>(GetParam());
    return LoadedModel(config, tiny_parameters(config, type), kTinyIds);
  }
  static Scores one_by_one(const LoadedModel& loaded, const CandidatesRequest& request) {
    Scores scores;
    for (const Ids& candidate : request.candidates)
      scores.push_back(score(loaded, {{.source = request.source, .target = candidate}}).front());
    return scores;
  }
  static void expect_equal_to_one_by_one(at::ScalarType type, double tolerance) {
    const LoadedModel loaded = load(type);
    const std::vector<CandidatesRequest> requests = invented_requests();
    const auto scores = score_candidates(loaded, requests);
    ASSERT_EQ(scores.size(), requests.size());
    for (size_t i = 0; i < requests.size(); ++i) {
      SCOPED_TRACE(::testing::Message() << "request " << i);
      expect_near(scores[i], one_by_one(loaded, requests[i]), tolerance);
    }
  }
};

TEST_P(ScoreCandidates, EqualsScoringThemOneByOneInFp64) { expect_equal_to_one_by_one(at::kDouble, 1e-12); }
TEST_P(ScoreCandidates, EqualsScoringThemOneByOneInFp32) { expect_equal_to_one_by_one(at::kFloat, 1e-5); }

TEST_P(ScoreCandidates, NeitherCompanyNorOrderNorLimitsChangeAResult) {
  const LoadedModel loaded = load(at::kDouble);
  const std::vector<CandidatesRequest> requests = invented_requests();
  const auto expected = score_candidates(loaded, requests);
  for (size_t i = 0; i < requests.size(); ++i)
    expect_near(score_candidates(loaded, {requests[i]}).front(), expected[i], 1e-12);
  std::vector<CandidatesRequest> reversed = requests;
  std::ranges::reverse(reversed);
  // One row at a time; two nodes' logits at a time; a batch that ends inside a list's rows.
  const std::vector<infer::ScoringLimits> all_limits{{.positions = 1, .logits = 1},
                                                     {.positions = 4096, .logits = 18},
                                                     {.positions = 40, .logits = 100},
                                                     {.positions = 150, .logits = 1 << 20}};
  for (const infer::ScoringLimits& limits : all_limits) {
    SCOPED_TRACE(::testing::Message() << limits.positions << " positions, " << limits.logits << " logits");
    auto scores = score_candidates(loaded, reversed, limits);
    std::ranges::reverse(scores);
    ASSERT_EQ(scores.size(), expected.size());
    for (size_t i = 0; i < scores.size(); ++i) expect_near(scores[i], expected[i], 1e-12);
  }
}

TEST_P(ScoreCandidates, OfAllIdsAfterABeginningSumToOne) {
  std::vector<Ids> all;
  for (int32_t id = 0; id < kTinyIds.vocabulary; ++id) all.push_back({3, 4, id});
  all.push_back({3});
  const LoadedModel loaded = load(at::kDouble);
  const Scores scores = score_candidates(loaded, {{.source = invented_ids(1, 5), .candidates = all}}).front();
  double sum = 0;
  for (size_t i = 0; i + 1 < all.size(); ++i) {
    sum += std::exp(scores[i][2]);
    EXPECT_EQ(scores[i][0], scores.back()[0]);
  }
  EXPECT_NEAR(sum, 1, 1e-12);
}

INSTANTIATE_TEST_SUITE_P(Settings, ScoreCandidates,
                         ::testing::Combine(::testing::Values(Positions::kRotary, Positions::kRelativeBias),
                                            ::testing::Bool()),
                         [](const auto& tested) {
                           const bool rotary = std::get<0>(tested.param) == Positions::kRotary;
                           return std::string(rotary ? "rotary" : "relative_bias") +
                                  (std::get<1>(tested.param) ? "_tied" : "_untied");
                         });

class ScoreCandidatesInput : public ::testing::Test {
 protected:
  const model::ModelConfig config_ = tiny_config(Positions::kRotary);
  const LoadedModel loaded_{config_, tiny_parameters(config_, at::kFloat), kTinyIds};
};

TEST_F(ScoreCandidatesInput, NoRequestsGiveNoResults) { EXPECT_TRUE(score_candidates(loaded_, {}).empty()); }

TEST_F(ScoreCandidatesInput, EmptyEqualAndForeignOnesAreRefused) {
  const auto refused = [&](const Ids& source, const std::vector<Ids>& candidates) {
    const CandidatesRequest good{.source = {3}, .candidates = {{4}}};
    EXPECT_THROW(score_candidates(loaded_, {good, {.source = source, .candidates = candidates}}), InputError);
  };
  refused({}, {{3}});
  refused({3}, {});
  refused({3}, {{4}, {}});
  refused({3}, {{4}, {5, 1}, {4}});
  refused({9}, {{3}});
  refused({3}, {{3}, {3, 9}});
  refused({3}, {{3}, {-1}});
}

TEST_F(ScoreCandidatesInput, WeightsThatAreNotFiniteAreRefused) {
  model::Parameters parameters = tiny_parameters(config_, at::kFloat);
  parameters.at("decoder.norm").value.fill_(NAN);
  const LoadedModel loaded(config_, std::move(parameters), kTinyIds);
  EXPECT_THROW(score_candidates(loaded, {{.source = {3}, .candidates = {{3}}}}), InputError);
}

}  // namespace
}  // namespace tandem::testing
