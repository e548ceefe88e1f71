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

EncodedSources rows_of(const EncodedSources& all, std::span<const int64_t> rows) {
  const at::Tensor index = at::tensor(at::IntArrayRef(rows.data(), rows.size()), at::kLong);
  const at::Tensor lengths = all.lengths.index_select(0, index);
  return {.memory_BSD = all.memory_BSD.index_select(0, index).narrow(1, 0, lengths.max().item<int64_t>()),
          .lengths = lengths};
}

// The edges of a tree in each of B rows, in the order of the positions [B N] that they follow.
class Asked {
 public:
  Asked(const std::vector<CandidateTree::Edge>& edges, int64_t num_rows, int64_t num_nodes) {
    std::vector<int64_t> nodes, ids;
    for (const CandidateTree::Edge& edge : edges) {
      nodes.push_back(edge.node);
      ids.push_back(edge.id);
    }
    const at::Tensor first_of_row = at::arange(num_rows).unsqueeze(1) * num_nodes;
    position_ = (first_of_row + at::tensor(nodes, at::kLong)).flatten();
    id_ = at::tensor(ids, at::kLong).repeat({num_rows});
  }

  // Picks from what follows the positions from `first` on, [P, V], that of the edges there, [edges].
  at::Tensor pick(const at::Tensor& following_PV, int64_t first) const {
    const at::Tensor row = position_ - first;
    const at::Tensor here = row.ge(0).logical_and_(row.lt(following_PV.size(0))).nonzero().flatten();
    return following_PV.index({row.index_select(0, here), id_.index_select(0, here)});
  }

 private:
  at::Tensor position_, id_;
};

Scores scores_of(const CandidateTree& tree, const std::vector<double>& of_edges) {
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
  // Encodes the sources of some requests together and decodes those with the same candidates together.
  void score_batch(std::span<const size_t> batch) {
    std::vector<Ids> sources;
    std::map<const CandidateTree*, std::vector<int64_t>> rows_by_tree;
    for (const size_t request : batch) {
      rows_by_tree[&trees_.of(requests_[request])].push_back(std::ssize(sources));
      sources.push_back(requests_[request].source);
    }
    const EncodedSources encoded = encode(loaded_, sources);
    for (const auto& [tree, rows] : rows_by_tree) {
      const auto at_once = static_cast<size_t>(std::max<int64_t>(1, limits_.positions / tree->nodes.size()));
      for (size_t begin = 0; begin < rows.size(); begin += at_once) {
        const auto some = std::span(rows).subspan(begin, std::min(at_once, rows.size() - begin));
        const at::Tensor scores_BE = score_edges(*tree, rows_of(encoded, some));
        for (size_t i = 0; i < some.size(); ++i)
          results_[batch[static_cast<size_t>(some[i])]] =
              scores_of(*tree, values_of(scores_BE[static_cast<int64_t>(i)]));
      }
    }
  }

  at::Tensor score_edges(const CandidateTree& tree, const EncodedSources& sources) const {
    const at::Tensor hidden_BND =
        loaded_.model().decode_tree(tree.nodes, sources.memory_BSD, sources.lengths);
    return log_probabilities_of(tree.edges, hidden_BND);
  }

  // Returns the log-probability of each edge in each row: [B, E]. Not all logits are held at once.
  at::Tensor log_probabilities_of(const std::vector<CandidateTree::Edge>& edges,
                                  const at::Tensor& hidden_BND) const {
    const Asked asked(edges, hidden_BND.size(0), hidden_BND.size(1));
    std::vector<at::Tensor> scores;
    int64_t first = 0;
    const int64_t positions = std::max<int64_t>(1, limits_.logits / loaded_.config().vocabulary);
    for (const at::Tensor& piece_PD : hidden_BND.flatten(0, 1).split(positions)) {
      scores.push_back(asked.pick(log_probabilities(loaded_, piece_PD), first));
      first += piece_PD.size(0);
    }
    return at::cat(scores).view({hidden_BND.size(0), -1});
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
