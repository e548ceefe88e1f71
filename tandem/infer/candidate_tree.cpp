// SPDX-License-Identifier: Apache-2.0
#include "tandem/infer/candidate_tree.h"

#include <algorithm>
#include <map>

#include "tandem/base/error.h"

namespace tandem::infer {

namespace {

using Edge = CandidateTree::Edge;
using Candidates = std::vector<std::vector<int32_t>>;

void check(const Candidates& candidates) {
  if (candidates.empty()) throw InputError("there are no candidates to score; give at least one");
  std::map<std::vector<int32_t>, size_t> numbers;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].empty()) throw InputError("candidate {} is empty; give it at least one token", i + 1);
    const auto [same, is_new] = numbers.emplace(candidates[i], i + 1);
    if (!is_new) throw InputError("candidates {} and {} are equal; give each once", same->second, i + 1);
  }
}

// The node that each edge leads to; the root, to which none does, where nothing is read after it.
using NodesBelow = std::map<Edge, int64_t>;
constexpr int64_t kNotRead = 0;

NodesBelow grow(model::TokenTree& nodes, const Candidates& candidates) {
  NodesBelow below;
  for (const std::vector<int32_t>& candidate : candidates) {
    int64_t node = 0;
    for (size_t i = 0; i < candidate.size(); ++i) {
      int64_t& next = below.try_emplace({node, candidate[i]}, kNotRead).first->second;
      if (i + 1 < candidate.size() && next == kNotRead) next = nodes.add(node, candidate[i]);
      node = next;
    }
  }
  return below;
}

}  // namespace

CandidateTree make_candidate_tree(const Candidates& candidates, int32_t start) {
  check(candidates);
  CandidateTree tree{.nodes = model::TokenTree(start), .edges = {}, .paths = {}};
  const NodesBelow below = grow(tree.nodes, candidates);
  for (const auto& [edge, node] : below) tree.edges.push_back(edge);
  for (const std::vector<int32_t>& candidate : candidates) {
    std::vector<int64_t>& path = tree.paths.emplace_back();
    int64_t node = 0;
    for (const int32_t id : candidate) {
      const Edge edge{node, id};
      path.push_back(std::ranges::lower_bound(tree.edges, edge) - tree.edges.begin());
      node = below.at(edge);
    }
  }
  return tree;
}

}  // namespace tandem::infer
