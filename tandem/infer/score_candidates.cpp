// SPDX-License-Identifier: Apache-2.0
#include "tandem/infer/score_candidates.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <span>

#include <ATen/ATen.h>

#include "tandem/infer/candidate_tree.h"
#include "tandem/infer/decoding.h"

// Shapes: B rows, S source positions, N nodes and E edges of a tree, D hidden, P positions, V vocabulary.

namespace tandem::infer {

namespace {

using Scores = std::vector<std::vector<double>>;

// The tree of each list of candidates.
class Trees {
 public:
  Trees(const LoadedModel& loaded, const std::vector<CandidatesRequest>& requests) {
    for (const CandidatesRequest& request : requests) {
      if (trees_.contains(request.candidates)) continue;
      for (const Ids& candidate : request.candidates) check_ids(loaded, candidate, "candidate");
      trees_.emplace(request.candidates, make_candidate_tree(request.candidates, loaded.ids().pad));
    }
  }
  const CandidateTree& of(const CandidatesRequest& request) const { return trees_.at(request.candidates); }

 private:
  std::map<std::vector<Ids>, CandidateTree> trees_;
};

std::vector<size_t> shortest_first(const std::vector<CandidatesRequest>& requests) {
  std::vector<size_t> order(requests.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return requests[i].source.size(); });
  return order;
}

EncodedSources rows_of(const EncodedSources& all, int64_t first, int64_t count) {
  const at::Tensor lengths = all.lengths.narrow(0, first, count);
  return {.memory_BSD = all.memory_BSD.narrow(0, first, count).narrow(1, 0, lengths.max().item<int64_t>()),
          .lengths = lengths};
}

// What is asked of some rows, whose trees are decoded as one batch of N positions a row: the positions that
// are nodes and no padding, and the edges in the order of rows, each with the number of its node among those.
class Asked {
 public:
  Asked(std::span<const CandidateTree* const> trees, int64_t num_positions) {
    std::vector<int64_t> positions, nodes, ids;
    for (size_t row = 0; row < trees.size(); ++row) {
      const int64_t first_position = static_cast<int64_t>(row) * num_positions;
      const auto first_node = std::ssize(positions);
      for (int64_t node = 0; node < trees[row]->nodes.size(); ++node)
        positions.push_back(first_position + node);
      for (const CandidateTree::Edge& edge : trees[row]->edges) {
        nodes.push_back(first_node + edge.node);
        ids.push_back(edge.id);
      }
    }
    positions_ = at::tensor(positions, at::kLong);
    node_ = at::tensor(nodes, at::kLong);
    id_ = at::tensor(ids, at::kLong);
  }

  const at::Tensor& positions() const { return positions_; }

  // Picks from what follows the nodes from `first` on, [P, V], that of the edges there, [edges].
  at::Tensor pick(const at::Tensor& following_PV, int64_t first) const {
    const at::Tensor row = node_ - first;
    const at::Tensor here = row.ge(0).logical_and_(row.lt(following_PV.size(0))).nonzero().flatten();
    return following_PV.index({row.index_select(0, here), id_.index_select(0, here)});
  }

 private:
  at::Tensor positions_, node_, id_;
};

Scores scores_of(const CandidateTree& tree, std::span<const double> of_edges) {
  Scores scores;
  for (const std::vector<int64_t>& path : tree.paths) {
    std::vector<double>& of_ids = scores.emplace_back();
    for (const int64_t edge : path) of_ids.push_back(of_edges[static_cast<size_t>(edge)]);
  }
  return scores;
}

// One call.
class Scoring {
 public:
  Scoring(const LoadedModel& loaded, const std::vector<CandidatesRequest>& requests,
          const ScoringLimits& limits)
      : loaded_(loaded),
        requests_(requests),
        limits_(limits),
        trees_(loaded, requests),
        results_(requests.size()) {}

  std::vector<Scores> run() && {
    const std::vector<size_t> order = shortest_first(requests_);
    for (size_t begin = 0; begin < order.size();) {
      size_t end = begin + 1;
      const auto positions_with_next = [&] {
        return std::ssize(requests_[order[end]].source) * static_cast<int64_t>(end + 1 - begin);
      };
      while (end < order.size() && positions_with_next() <= limits_.positions) ++end;
      score_batch(std::span(order).subspan(begin, end - begin));
      begin = end;
    }
    return std::move(results_);
  }

 private:
  // Encodes the sources of some requests together and decodes as many of their trees at once as may be.
  void score_batch(std::span<const size_t> batch) {
    std::vector<Ids> sources;
    std::vector<const CandidateTree*> trees;
    for (const size_t request : batch) {
      sources.push_back(requests_[request].source);
      trees.push_back(&trees_.of(requests_[request]));
    }
    const EncodedSources encoded = encode(loaded_, sources);
    for (size_t begin = 0; begin < batch.size();) {
      const size_t count = rows_at_once(std::span(trees).subspan(begin));
      const auto some = std::span(trees).subspan(begin, count);
      const std::vector<double> of_edges =
          score_edges(some, rows_of(encoded, static_cast<int64_t>(begin), static_cast<int64_t>(count)));
      size_t edge = 0;
      for (size_t i = 0; i < count; ++i) {
        const size_t edges = some[i]->edges.size();
        results_[batch[begin + i]] = scores_of(*some[i], std::span(of_edges).subspan(edge, edges));
        edge += edges;
      }
      begin += count;
    }
  }

  // Returns how many of the first trees, padded to the largest, stay within the limit; at least one.
  size_t rows_at_once(std::span<const CandidateTree* const> trees) const {
    int64_t largest = 0;
    size_t count = 0;
    for (; count < trees.size(); ++count) {
      largest = std::max(largest, trees[count]->nodes.size());
      if (count > 0 && largest * static_cast<int64_t>(count + 1) > limits_.positions) break;
    }
    return count;
  }

  // Returns the log-probabilities of the edges of all rows' trees, one row after the other.
  std::vector<double> score_edges(std::span<const CandidateTree* const> trees,
                                  const EncodedSources& sources) const {
    std::vector<const model::TokenTree*> nodes;
    for (const CandidateTree* tree : trees) nodes.push_back(&tree->nodes);
    const at::Tensor hidden_BND =
        loaded_.model().decode_trees(model::make_tree_batch(nodes), sources.memory_BSD, sources.lengths);
    return log_probabilities_of(Asked(trees, hidden_BND.size(1)), hidden_BND.flatten(0, 1));
  }

  // Not all logits are held at once.
  std::vector<double> log_probabilities_of(const Asked& asked, const at::Tensor& hidden_PD) const {
    std::vector<double> scores;
    int64_t first = 0;
    const int64_t at_once = std::max<int64_t>(1, limits_.logits / loaded_.config().vocabulary);
    for (const at::Tensor& nodes : asked.positions().split(at_once)) {
      const at::Tensor following_PV = log_probabilities(loaded_, hidden_PD.index_select(0, nodes));
      const std::vector<double> picked = values_of(asked.pick(following_PV, first));
      scores.insert(scores.end(), picked.begin(), picked.end());
      first += nodes.size(0);
    }
    return scores;
  }

  const LoadedModel& loaded_;
  const std::vector<CandidatesRequest>& requests_;
  const ScoringLimits limits_;
  const Trees trees_;
  std::vector<Scores> results_;
};

}  // namespace

std::vector<Scores> score_candidates(const LoadedModel& loaded,
                                     const std::vector<CandidatesRequest>& requests,
                                     const ScoringLimits& limits) {
  const at::NoGradGuard no_grad;
  return Scoring(loaded, requests, limits).run();
}

}  // namespace tandem::infer
