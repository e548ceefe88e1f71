// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <ostream>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/base/random.h"
#include "tandem/infer/candidate_tree.h"
#include "tests/data/scratch_folder.h"

namespace tandem::infer {

void PrintTo(const CandidateTree::Edge& edge, std::ostream* out) { *out << edge.node << ":" << edge.id; }

namespace {

using model::TokenTree;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Ids = std::vector<int32_t>;
using Edges = std::vector<CandidateTree::Edge>;

TEST(CandidateTree, TheLastIdIsAskedForButNotRead) {
  const CandidateTree tree = make_candidate_tree({{8, 3, 1}}, 0);
  EXPECT_THAT(tree.nodes.ids(), ElementsAre(0, 8, 3));
  EXPECT_THAT(tree.nodes.parents(), ElementsAre(TokenTree::kNoParent, 0, 1));
  EXPECT_EQ(tree.edges, (Edges{{0, 8}, {1, 3}, {2, 1}}));
  EXPECT_THAT(tree.paths, ElementsAre(ElementsAre(0, 1, 2)));
}

TEST(CandidateTree, WhatCandidatesBeginWithInCommonIsThereOnce) {
  const CandidateTree tree = make_candidate_tree({{5, 3, 1}, {5, 1}, {4}, {5, 3, 2, 1}, {3, 3, 1}}, 7);
  EXPECT_THAT(tree.nodes.ids(), ElementsAre(7, 5, 3, 2, 3, 3));
  EXPECT_THAT(tree.nodes.parents(), ElementsAre(TokenTree::kNoParent, 0, 1, 2, 0, 4));
  EXPECT_THAT(tree.nodes.depths(), ElementsAre(0, 1, 2, 3, 1, 2));
  EXPECT_EQ(tree.edges,
            (Edges{{0, 3}, {0, 4}, {0, 5}, {1, 1}, {1, 3}, {2, 1}, {2, 2}, {3, 1}, {4, 3}, {5, 1}}));
  EXPECT_THAT(tree.paths, ElementsAre(ElementsAre(2, 4, 5), ElementsAre(2, 3), ElementsAre(1),
                                      ElementsAre(2, 4, 6, 7), ElementsAre(0, 8, 9)));
}

TEST(CandidateTree, ACandidateMayBeginAnotherInEitherOrder) {
  for (const bool shorter_first : {true, false}) {
    const Ids shorter{5}, longer{5, 3};
    const CandidateTree tree =
        shorter_first ? make_candidate_tree({shorter, longer}, 0) : make_candidate_tree({longer, shorter}, 0);
    EXPECT_THAT(tree.nodes.ids(), ElementsAre(0, 5));
    EXPECT_EQ(tree.edges, (Edges{{0, 5}, {1, 3}}));
    EXPECT_THAT(tree.paths[shorter_first ? 0 : 1], ElementsAre(0));
    EXPECT_THAT(tree.paths[shorter_first ? 1 : 0], ElementsAre(0, 1));
  }
}

TEST(CandidateTree, PathsSpellTheCandidatesAndEachBeginningIsReadOnce) {
  const CounterRandom random(4, "candidates");
  std::set<Ids> different, read, asked;
  for (uint64_t i = 0; different.size() < 200; ++i) {
    Ids ids(1 + random.below(10 * i, 6));
    for (size_t t = 0; t < ids.size(); ++t) ids[t] = static_cast<int32_t>(random.below(10 * i + 1 + t, 4));
    different.insert(ids);
    for (auto next = ids.begin(); next != ids.end(); ++next) {
      read.emplace(ids.begin(), next);
      asked.emplace(ids.begin(), next + 1);
    }
  }
  const std::vector<Ids> candidates(different.rbegin(), different.rend());
  const CandidateTree tree = make_candidate_tree(candidates, 9);
  EXPECT_EQ(tree.nodes.size(), std::ssize(read));
  EXPECT_EQ(tree.edges.size(), asked.size());
  EXPECT_TRUE(std::ranges::is_sorted(tree.edges));
  ASSERT_EQ(tree.paths.size(), candidates.size());
  for (size_t i = 0; i < candidates.size(); ++i) {
    Ids spelled;
    int64_t node = 0;
    for (const int64_t at : tree.paths[i]) {
      const CandidateTree::Edge edge = tree.edges[static_cast<size_t>(at)];
      if (!spelled.empty()) {
        const auto below = static_cast<size_t>(edge.node);
        EXPECT_EQ(tree.nodes.ids()[below], spelled.back());
        EXPECT_EQ(tree.nodes.parents()[below], node);
      }
      node = edge.node;
      spelled.push_back(edge.id);
    }
    EXPECT_EQ(spelled, candidates[i]);
  }
}

TEST(CandidateTree, NoneEmptyAndEqualCandidatesAreRefused) {
  EXPECT_THROW(make_candidate_tree({}, 0), InputError);
  EXPECT_THAT(data::message_of<InputError>([] {
                make_candidate_tree({{3}, {}}, 0);
              }),
              HasSubstr("candidate 2 is empty"));
  EXPECT_THAT(data::message_of<InputError>([] {
                make_candidate_tree({{3}, {4, 1}, {5}, {4, 1}}, 0);
              }),
              HasSubstr("candidates 2 and 4 are equal"));
}

}  // namespace
}  // namespace tandem::infer
