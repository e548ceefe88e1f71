// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "tandem/model/token_tree.h"

namespace tandem::infer {

/// Candidate targets of one source, with what they begin with in common once.
struct CandidateTree {
  /// An id that is asked for after a node.
  struct Edge {
    int64_t node = 0;
    int32_t id = 0;
    auto operator<=>(const Edge&) const = default;
  };

  /// What the decoder reads: the start token, then each distinct beginning of a candidate that a further id
  /// of it follows. Each has an edge.
  model::TokenTree nodes;
  std::vector<Edge> edges;                  ///< ascending, each once
  std::vector<std::vector<int64_t>> paths;  ///< of each candidate the edges of its ids, from the first on
};

/// Makes the tree of candidates behind a start token. A candidate may begin another one. InputError where
/// there is no candidate, and for an empty one or two that are equal (numbered from 1): they come from users.
CandidateTree make_candidate_tree(const std::vector<std::vector<int32_t>>& candidates, int32_t start);

}  // namespace tandem::infer
